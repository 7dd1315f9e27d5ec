"""Values of tests/clip.json: tiny networks of open_clip and transformers, weights filled from the names of their tensors.

    pip install torch transformers open_clip_torch
    SHARED=../shared/data python crates/cohort-nn/scripts/clip_goldens.py crates/cohort-nn/tests/clip.json
"""
import json
import os
import sys

import open_clip
import torch
import transformers
from transformers import CLIPConfig, CLIPModel, SiglipConfig, SiglipModel

sys.path.insert(0, os.path.join(os.environ.get("SHARED", "../shared/data"), "model-reference/generation"))
from common import names_and_shapes, rebuild, values  # noqa: E402

IDS = [[118, 5, 17, 99, 119, 0, 0, 0, 0], [118, 119, 0, 0, 0, 0, 0, 0, 0], [118, 3, 3, 8, 2, 64, 11, 90, 119]]


def rows(tensor):
    return [[float(f"{v:.8g}") for v in row] for row in tensor.tolist()]


def entry(model, layout, config, ids, texts, pictures, scores):
    return {"layout": layout, "config": config, "ids": ids, "names": names_and_shapes(model),
            "texts": rows(texts), "pictures": rows(pictures), "scores": rows(scores)}


networks = {}
with torch.no_grad():
    for name, quick, custom in (("open_clip", False, False), ("open_clip_quick", True, False), ("open_clip_custom", False, True)):
        model_cfg = {"embed_dim": 10, "quick_gelu": quick,
                     "vision_cfg": {"image_size": 24, "layers": 2, "width": 24, "head_width": 12, "patch_size": 8},
                     "text_cfg": {"context_length": 9, "vocab_size": 120, "width": 16, "heads": 2, "layers": 2}}
        kind = open_clip.CustomTextCLIP if custom else open_clip.CLIP
        model = rebuild(kind(**model_cfg))
        pixels = values("clip.pixels", 3, 3, 24, 24)
        pictures = model.encode_image(pixels, normalize=True)
        texts = model.encode_text(torch.tensor(IDS), normalize=True)
        scores = model.logit_scale.exp() * pictures @ texts.T
        if custom:
            model_cfg = dict(model_cfg, custom_text=True)
        config = {"model_cfg": model_cfg, "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}
        networks[name] = entry(model, "open_clip", config, IDS, texts, pictures, scores)

    # a picture that is no multiple of the patch, other widths of the towers, the old end token
    text = dict(vocab_size=120, hidden_size=20, intermediate_size=36, num_hidden_layers=1, num_attention_heads=5,
                max_position_embeddings=9, hidden_act="gelu", eos_token_id=2, bos_token_id=0, pad_token_id=1)
    vision = dict(hidden_size=18, intermediate_size=30, num_hidden_layers=2, num_attention_heads=3, image_size=29, patch_size=7,
                  hidden_act="quick_gelu", layer_norm_eps=1e-4)
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=14)
    model = rebuild(CLIPModel(config))
    out = model(input_ids=torch.tensor(IDS), pixel_values=values("clip.pixels", 3, 3, 29, 29))
    config = {"model_type": "clip", "projection_dim": 14, "text_config": text, "vision_config": vision}
    networks["clip_odd"] = entry(model, "transformers", config, IDS, out.text_embeds, out.image_embeds, out.logits_per_image)

    text = dict(vocab_size=120, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3,
                max_position_embeddings=9, projection_size=24)
    vision = dict(hidden_size=24, intermediate_size=28, num_hidden_layers=1, num_attention_heads=2, image_size=20, patch_size=4)
    model = rebuild(SiglipModel(SiglipConfig(text_config=text, vision_config=vision)))
    out = model(input_ids=torch.tensor(IDS), pixel_values=values("clip.pixels", 3, 3, 20, 20))
    config = {"model_type": "siglip", "text_config": text, "vision_config": vision}
    networks["siglip_odd"] = entry(model, "transformers", config, IDS, out.text_embeds, out.image_embeds, out.logits_per_image)

versions = {"torch": torch.__version__, "transformers": transformers.__version__, "open_clip": open_clip.__version__}
with open(sys.argv[1], "w") as file:
    json.dump({"made by": "scripts/clip_goldens.py", "versions": versions, "networks": networks}, file, separators=(",", ":"))
    file.write("\n")
