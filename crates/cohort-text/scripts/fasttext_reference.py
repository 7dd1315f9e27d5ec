"""A tiny fastText model, and the sentence vectors that fastText and gensim give with it: tests/fasttext/.

pip install fasttext-wheel gensim
python crates/cohort-text/scripts/fasttext_reference.py crates/cohort-text/tests/fasttext
"""
import json, os, sys, tempfile
import fasttext, numpy as np
from gensim.models import KeyedVectors

folder = sys.argv[1]
lines = """my grandchildren came to see us on sunday and we went to the park
I go to school and my teacher gives us homework every day
the café was naïve about its prices but the façade is lovely
we retired ten years ago and the garden keeps us busy
my boss wants the report on monday and the team works late
日本語 の 文章 も あり ます
my friends and I play football after school
the doctor says my knees need rest and I should walk more""".split("\n")
texts = lines[:3] + [
    "grandchildrens homeworks caffé",                    # words out of the vocabulary, by their n-grams
    "日本 語文章 ñandú 😀 x",
    "the the the school",
    "Zqx",                                                # nothing of it in the vocabulary
    "my</s>boss </s> school",                             # the mark of a sentence's end as a word
    " two  spaces\tand a tab ",
    "",
]

def mean(vectors):
    lengths = [np.linalg.norm(v) for v in vectors]
    kept = [v / n for v, n in zip(vectors, lengths) if n > 0]
    return np.mean(kept, axis=0).tolist() if kept else [0.0] * 8

golden = {}
with tempfile.TemporaryDirectory() as temp:
    corpus = os.path.join(temp, "corpus.txt")
    with open(corpus, "w") as file:
        file.write("\n".join(lines * 20) + "\n")
    for name, options in {
        "skipgram": dict(model="skipgram", minn=2, maxn=4, bucket=200),
        "words": dict(model="cbow", minn=0, maxn=0, bucket=0),
    }.items():
        model = fasttext.train_unsupervised(corpus, dim=8, minCount=1, epoch=3, thread=1, lr=0.2, verbose=0, **options)
        model.save_model(f"{folder}/{name}.bin")
        golden[f"{name}.bin"] = [[text, model.get_sentence_vector(text).tolist()] for text in texts]
        if name == "words":
            # as FastText::saveVectors writes it: five significant digits, a space after each
            with open(f"{folder}/words.vec", "w") as file:
                file.write(f"{len(model.words)} 8\n")
                for word in model.words:
                    file.write(word + " " + "".join(f"{x:.5g} " for x in model[word]) + "\n")
vectors = KeyedVectors.load_word2vec_format(f"{folder}/words.vec")
golden["words.vec"] = [[text, mean([vectors[w] for w in text.split() if w in vectors])] for text in texts]
with open(f"{folder}/sentences.json", "w") as file:
    json.dump(golden, file, ensure_ascii=False)
