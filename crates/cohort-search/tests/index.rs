//! The index on disk against brute force, and what must not break it.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use cohort_search::{Distance, Hit, Index, Mask, Ranked, quiet};

/// Name of the manifest.
const NAME: &str = "index.json";

fn draw(n: usize, dim: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) + n as u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / 16_777_216.0
    };
    // a sum of uniform numbers is close to normal
    let mut normal = || (0..4).map(|_| next()).sum::<f32>() - 2.0;
    (0..n * dim).map(|_| normal() + 2.0).collect()
}

fn names(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("c{i:04}")).collect()
}

fn texts(ids: &[String]) -> Vec<&str> {
    ids.iter().map(String::as_str).collect()
}

/// An index of `values` under `c0000`, `c0001`, .. in parts of so many rows.
fn index(folder: &Path, distance: Distance, dim: usize, values: &[f32], parts: &[usize]) -> Index {
    let ids = names(values.len() / dim);
    let mut index = Index::create(folder, distance, dim, "test").unwrap();
    let mut at = 0;
    for part in parts {
        let ids = texts(&ids[at..at + part]);
        index
            .add(&ids, &values[at * dim..(at + part) * dim])
            .unwrap();
        at += part;
    }
    index
}

/// All rows for which `keep` holds, sorted by keys of 64 bits.
fn brute(
    distance: Distance,
    values: &[f32],
    dim: usize,
    query: &[f32],
    k: usize,
    keep: impl Fn(usize) -> bool,
) -> Vec<usize> {
    let rows = values
        .chunks_exact(dim)
        .enumerate()
        .filter(|(i, _)| keep(*i));
    let mut all: Vec<(f64, usize)> = rows.map(|(i, row)| (distance.key(query, row), i)).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    all.truncate(k);
    all.into_iter().map(|(_, i)| i).collect()
}

fn rows(found: &[Vec<Hit>]) -> Vec<Vec<usize>> {
    let of = |hits: &Vec<Hit>| hits.iter().map(|hit| hit.row).collect();
    found.iter().map(of).collect()
}

#[test]
fn answers_are_those_of_brute_force_under_all_distances_with_deletions_and_filters() {
    for (n, dim, queries, k) in [
        (700, 40, 33, 10),
        (150, 3, 2, 200),
        (60, 1, 9, 1),
        (3000, 64, 8, 25),
    ] {
        let values = draw(n, dim, 1);
        let asked = draw(queries, dim, 2);
        for distance in Distance::ALL {
            let folder = tempfile::tempdir().unwrap();
            let mut index = index(folder.path(), distance, dim, &values, &[n / 3, n - n / 3]);
            let deleted = |row: usize| row % 7 == 3;
            index
                .delete(&(0..n).filter(|&row| deleted(row)).collect::<Vec<_>>())
                .unwrap();
            let mut mask = Mask::all(n);
            mask.retain(|row| row % 2 == 0);
            for mask in [None, Some(&mask)] {
                let found = index.search(&asked, k, mask, &quiet).unwrap();
                let keep = |row: usize| !deleted(row) && mask.is_none_or(|mask| mask.has(row));
                for (query, own) in asked.chunks_exact(dim).zip(&found) {
                    let expected = brute(distance, &values, dim, query, k, keep);
                    let got: Vec<usize> = own.iter().map(|hit| hit.row).collect();
                    assert_eq!(got, expected, "{distance:?} {n} x {dim}");
                    for hit in own {
                        let key = distance.key(query, &values[hit.row * dim..(hit.row + 1) * dim]);
                        assert_eq!(hit.distance, distance.of_key(key));
                    }
                }
                let ranked = Ranked::new(&index);
                let orders = ranked
                    .each(&asked, &quiet, |_, ranking| ranking.order.clone())
                    .unwrap();
                for (query, order) in asked.chunks_exact(dim).zip(orders) {
                    let expected = brute(distance, &values, dim, query, n, |row| !deleted(row));
                    let order: Vec<usize> = order
                        .iter()
                        .map(|&p| ranked.rows()[p as usize] as usize)
                        .collect();
                    assert_eq!(order, expected, "{distance:?} {n} x {dim}");
                }
            }
        }
    }
}

#[test]
fn vectors_that_32_bits_cannot_tell_apart_are_ordered_by_64() {
    let dim = 24;
    let cases: [(&str, f32, f32); 5] = [
        ("far from the origin", 1e6, 1.0),
        ("huge", 0.0, 1e25),
        ("tiny", 0.0, 1e-30),
        ("almost equal", 1.0, 1e-6),
        ("largest", 0.0, 1e37),
    ];
    for (name, offset, scale) in cases {
        let of = |seed| -> Vec<f32> {
            let values = draw(200, dim, seed);
            values.iter().map(|v| offset + (v - 2.0) * scale).collect()
        };
        let mut values = of(5);
        // one vector that dwarfs the rest, and one of zeros
        values[17 * dim] = 1e30;
        values[90 * dim..91 * dim].fill(0.0);
        let asked: Vec<f32> = [
            of(6)[..dim * 7].to_vec(),
            values[17 * dim..18 * dim].to_vec(),
        ]
        .concat();
        for distance in Distance::ALL {
            let folder = tempfile::tempdir().unwrap();
            let index = index(folder.path(), distance, dim, &values, &[200]);
            for asked in [&asked[..], &asked[..dim * 2]] {
                let found = rows(&index.search(asked, 12, None, &quiet).unwrap());
                let orders = Ranked::new(&index)
                    .each(asked, &quiet, |_, r| r.order.clone())
                    .unwrap();
                for ((query, own), order) in asked.chunks_exact(dim).zip(found).zip(orders) {
                    let expected = brute(distance, &values, dim, query, 200, |_| true);
                    assert_eq!(own, expected[..12], "{name} {distance:?}");
                    let order: Vec<usize> = order.iter().map(|&row| row as usize).collect();
                    assert_eq!(order, expected, "{name} {distance:?}");
                }
            }
        }
    }
}

#[test]
fn equals_come_in_the_order_of_their_addition_and_are_told() {
    let dim = 16;
    let mut values = draw(500, dim, 3);
    let first: Vec<f32> = values[..dim].to_vec();
    for row in [7, 130, 131, 499] {
        values[row * dim..(row + 1) * dim].copy_from_slice(&first);
    }
    for distance in [
        Distance::Euclidean,
        Distance::Cosine,
        Distance::Manhattan,
        Distance::Chebyshev,
    ] {
        let folder = tempfile::tempdir().unwrap();
        let index = index(folder.path(), distance, dim, &values, &[131, 369]);
        let asked = [&first[..]; 9].concat();
        let found = rows(&index.search(&asked, 4, None, &quiet).unwrap());
        assert!(
            found.iter().all(|own| *own == [0, 7, 130, 131]),
            "{distance:?} {found:?}"
        );
        let ties = Ranked::new(&index)
            .each(&asked, &quiet, |_, r| r.ties.clone())
            .unwrap();
        assert!(ties.iter().all(|ties| ties[0] == (0..5)), "{distance:?}");
    }
    // all the same: nothing but ties
    let folder = tempfile::tempdir().unwrap();
    let same = vec![1.5; 3000 * dim];
    let index = index(folder.path(), Distance::Euclidean, dim, &same, &[3000]);
    let found = rows(&index.search(&draw(6, dim, 4), 5, None, &quiet).unwrap());
    assert!(found.iter().all(|own| *own == [0, 1, 2, 3, 4]));
}

#[test]
fn what_is_added_and_deleted_is_seen_by_others_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.index");
    let (dim, values) = (4, draw(30, 4, 1));
    let mut one = index(&path, Distance::Euclidean, dim, &values[..80], &[20]);
    let mut two = Index::open(&path).unwrap();
    two.delete(&[3, 5]).unwrap();
    // one has not seen the deletion, and may give the id anew
    one.add(&["c0003", "d"], &values[80..88]).unwrap();
    assert_eq!((one.rows(), one.live().count()), (22, 20));
    assert_eq!(one.rows_by_id()["c0003"], 20);
    assert_eq!(one.vector(20), &values[80..84]);
    let again = one
        .add(&["e", "c0004"], &values[88..96])
        .unwrap_err()
        .to_string();
    assert!(
        again.contains("expected every id once")
            && again.contains("\"c0004\", which the index holds"),
        "{again}"
    );
    let twice = one
        .add(&["e", "e"], &values[88..96])
        .unwrap_err()
        .to_string();
    assert!(twice.ends_with("found \"e\" in rows 1 and 2"), "{twice}");
    let error = one
        .add(&["f"], &[1.0, f32::NAN, 1.0, 1.0])
        .unwrap_err()
        .to_string();
    assert_eq!(error, "vectors: row 1: expected finite numbers, found NaN");
    let error = one.add(&["f"], &[1.0]).unwrap_err().to_string();
    assert_eq!(error, "vectors: expected rows of 4 values, found 1 values");
    assert_eq!(Index::open(&path).unwrap().live().count(), 20);
    let files = |ending: &str| {
        let all = std::fs::read_dir(&path).unwrap();
        all.filter(|f| {
            f.as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .ends_with(ending)
        })
        .count()
    };
    one.delete(&[0]).unwrap();
    // the first file of deletions is gone
    assert_eq!(
        (files(".vectors"), files(".left"), files(".lock")),
        (2, 1, 0)
    );
    let error = Index::create(&path, Distance::Cosine, 4, "t")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("expected no folder, or an empty one"),
        "{error}"
    );
    let error = Index::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("expected an index"), "{error}");
}

#[test]
fn any_changed_or_missing_byte_of_an_index_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.index");
    let mut index = index(&path, Distance::Euclidean, 3, &draw(20, 3, 1), &[20]);
    index.delete(&[3]).unwrap();
    drop(index);
    let files: Vec<PathBuf> = std::fs::read_dir(&path)
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    assert_eq!(files.len(), 3);
    for file in files {
        let whole = std::fs::read(&file).unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            std::fs::write(&file, &bytes).unwrap();
            let error = Index::open(&path).unwrap_err().to_string();
            assert!(
                error.contains(&name) && error.contains("damaged"),
                "{name} {at}: {error}"
            );
        }
        for bytes in [&whole[..whole.len() - 1], &[]] {
            std::fs::write(&file, bytes).unwrap();
            let error = Index::open(&path).unwrap_err().to_string();
            assert!(
                error.contains(&name) && error.contains("damaged"),
                "{error}"
            );
        }
        std::fs::write(&file, &whole).unwrap();
    }
    assert_eq!(Index::open(&path).unwrap().live().count(), 19);
}

#[test]
fn a_writer_killed_before_the_manifest_leaves_the_old_index_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.index");
    let values = draw(20, 3, 1);
    drop(index(&path, Distance::Euclidean, 3, &values[..30], &[10]));
    let manifest = std::fs::read(path.join(NAME)).unwrap();
    let mut next = Index::open(&path).unwrap();
    next.add(&["x"], &values[30..33]).unwrap();
    next.delete(&[0, 1]).unwrap();
    drop(next);
    // what was there before the manifest was replaced, and half a file of the writer
    std::fs::write(path.join(NAME), &manifest).unwrap();
    std::fs::write(path.join(".cohort-killed.tmp"), b"half").unwrap();
    let mut old = Index::open(&path).unwrap();
    assert_eq!((old.rows(), old.live().count()), (10, 10));
    assert_eq!(old.vector(9), &values[27..30]);
    // the next writer takes the names of the killed one's files
    old.add(&["y"], &values[33..36]).unwrap();
    assert_eq!((old.id(10), old.vector(10)), ("y", &values[33..36]));
    let left = std::fs::read_dir(&path).unwrap().filter(|f| {
        let name = f.as_ref().unwrap().file_name();
        name.to_string_lossy().ends_with(".left")
    });
    assert_eq!(left.count(), 0);
}

#[test]
fn compaction_changes_no_answer_and_gives_space_back() {
    let (n, dim) = (400, 12);
    let values = draw(n, dim, 1);
    let asked = draw(30, dim, 2);
    for distance in Distance::ALL {
        let folder = tempfile::tempdir().unwrap();
        let mut index = index(folder.path(), distance, dim, &values, &[150, 1, 249]);
        let gone: Vec<usize> = (0..n).filter(|row| row % 3 == 1 || *row == 150).collect();
        index.delete(&gone).unwrap();
        let answers = |index: &Index| -> Vec<Vec<(String, u64)>> {
            let found = index.search(&asked, 20, None, &quiet).unwrap();
            let named = |hit: &Hit| (index.id(hit.row).to_string(), hit.distance.to_bits());
            found
                .iter()
                .map(|own| own.iter().map(named).collect())
                .collect()
        };
        let size = || -> u64 {
            let files = std::fs::read_dir(folder.path()).unwrap();
            files
                .map(|file| file.unwrap().metadata().unwrap().len())
                .sum()
        };
        let (before, bytes) = (answers(&index), size());
        let other = Index::open(folder.path()).unwrap();
        assert!(index.compact().unwrap());
        assert_eq!(
            (index.rows(), index.live().count()),
            (n - gone.len(), n - gone.len())
        );
        assert!(answers(&index) == before, "{distance:?}");
        assert!(answers(&Index::open(folder.path()).unwrap()) == before);
        // whoever has opened it before goes on with what was there
        assert!(answers(&other) == before);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
        assert!(size() < bytes * 3 / 4, "{} of {bytes}", size());
        // the same rows, added at once, are the same file
        let once = tempfile::tempdir().unwrap();
        let mut other = Index::create(once.path(), distance, dim, "test").unwrap();
        let ids = names(n);
        let left: Vec<usize> = (0..n).filter(|row| !gone.contains(row)).collect();
        let ids: Vec<&str> = left.iter().map(|&row| ids[row].as_str()).collect();
        let rows: Vec<f32> = left
            .iter()
            .flat_map(|row| &values[row * dim..(row + 1) * dim])
            .copied()
            .collect();
        other.add(&ids, &rows).unwrap();
        let vectors = |folder: &Path| {
            let files = std::fs::read_dir(folder).unwrap();
            let mut files = files.map(|file| file.unwrap().path());
            let file = files.find(|file| file.extension().is_some_and(|e| e == "vectors"));
            std::fs::read(file.unwrap()).unwrap()
        };
        assert!(
            vectors(folder.path()) == vectors(once.path()),
            "{distance:?}"
        );
        let manifest = std::fs::read(folder.path().join(NAME)).unwrap();
        assert!(!index.compact().unwrap(), "nothing is left to do");
        assert_eq!(std::fs::read(folder.path().join(NAME)).unwrap(), manifest);
        index.add(&["new"], &values[..dim]).unwrap();
        assert_eq!(index.rows_by_id()["new"], n - gone.len());
        index
            .delete(&(0..index.rows()).collect::<Vec<_>>())
            .unwrap();
        assert!(index.compact().unwrap());
        assert_eq!(index.rows(), 0);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(!index.compact().unwrap());
    }
}

#[test]
fn a_graph_is_built_anew_after_compaction() {
    let (n, dim) = (3000, 16);
    let values = clustered(n, dim, 5);
    let folder = tempfile::tempdir().unwrap();
    let mut index = index(
        folder.path(),
        Distance::Euclidean,
        dim,
        &values,
        &[2000, 1000],
    );
    index.build_graphs(500, 0.97, &quiet).unwrap();
    index.delete(&(0..500).collect::<Vec<_>>()).unwrap();
    assert!(index.has_graph() && index.compact().unwrap());
    // graphs of rows that are numbered otherwise would answer wrongly
    assert!(!index.has_graph() && index.known_recall().is_none());
    index.build_graphs(0, 0.97, &quiet).unwrap();
    let known = index.known_recall().unwrap();
    let queries = &values[700 * dim..900 * dim];
    let found = index.recall(queries, 10, known.width, &quiet).unwrap();
    assert!(found.value > 0.95, "{found:?}");
    assert_eq!(
        Index::open(folder.path()).unwrap().known_recall(),
        Some(known)
    );
}

#[test]
fn the_same_bytes_and_answers_with_any_number_of_threads() {
    let (dim, values) = (20, draw(2000, 20, 1));
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let folder = tempfile::tempdir().unwrap();
            let index = index(folder.path(), Distance::Cosine, dim, &values, &[1500, 500]);
            let mut files: Vec<PathBuf> = std::fs::read_dir(folder.path())
                .unwrap()
                .map(|f| f.unwrap().path())
                .collect();
            files.sort();
            let bytes: Vec<Vec<u8>> = files.iter().map(|f| std::fs::read(f).unwrap()).collect();
            (
                bytes,
                index.search(&values[..200], 7, None, &quiet).unwrap(),
            )
        })
    };
    let (one, three) = (run(1), run(3));
    assert!(one == three);
}

#[test]
fn questions_that_make_no_sense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let index = index(folder.path(), Distance::Euclidean, 3, &draw(5, 3, 1), &[5]);
    let ask = |queries: &[f32], k| {
        index
            .search(queries, k, None, &quiet)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        ask(&[1.0; 4], 1),
        "vectors: expected rows of 3 values, found 4 values"
    );
    assert_eq!(
        ask(&[f32::INFINITY; 3], 1),
        "vectors: row 1: expected finite numbers, found inf"
    );
    assert_eq!(ask(&[1.0; 3], 0), "setting k: expected at least 1, found 0");
    assert_eq!(
        index.search(&[1.0; 3], 99, None, &quiet).unwrap()[0].len(),
        5
    );
    assert!(index.search(&[], 1, None, &quiet).unwrap().is_empty());
    let stop = |_: &str, _: usize, _: usize| false;
    assert_eq!(
        index
            .search(&[1.0; 3], 1, None, &stop)
            .unwrap_err()
            .to_string(),
        "stopped"
    );
    let empty = tempfile::tempdir().unwrap();
    let none = Index::create(empty.path(), Distance::Cosine, 3, "t").unwrap();
    assert_eq!(none.search(&[1.0; 3], 1, None, &quiet).unwrap(), [vec![]]);
}

/// Clusters on a few directions, as embeddings are.
fn clustered(n: usize, dim: usize, seed: u64) -> Vec<f32> {
    let (centres, noise) = (draw(40, dim, 77), draw(n, dim, seed));
    let rows = noise.chunks_exact(dim).enumerate();
    rows.flat_map(|(i, noise)| {
        let centre = &centres[(i * 13 % 40) * dim..][..dim];
        let row = centre.iter().zip(noise);
        row.map(|(c, v)| 3.0 * (c - 2.0) + (v - 2.0))
            .collect::<Vec<f32>>()
    })
    .collect()
}

#[test]
fn a_graph_finds_nearly_all_and_its_recall_is_what_is_told() {
    let (n, dim, k) = (3000, 24, 10);
    let (values, asked) = (clustered(n, dim, 1), clustered(60, dim, 2));
    for distance in Distance::ALL {
        let folder = tempfile::tempdir().unwrap();
        let mut index = index(folder.path(), distance, dim, &values, &[2500, 500]);
        index.build_graphs(1000, 0.97, &quiet).unwrap();
        let known = index.known_recall().unwrap();
        assert!(known.value >= 0.97, "{distance:?} {known:?}");
        let deleted: Vec<usize> = (0..n).filter(|row| row % 5 == 0).collect();
        index.delete(&deleted).unwrap();
        let exact = index.search(&asked, k, None, &quiet).unwrap();
        let near = index.search_nearly(&asked, k, 80, &quiet).unwrap();
        let mut hits = 0;
        for ((near, exact), query) in near.iter().zip(&exact).zip(asked.chunks_exact(dim)) {
            assert_eq!(near.len(), k);
            for hit in near {
                assert_ne!(hit.row % 5, 0, "a deleted row");
                let key = distance.key(query, &values[hit.row * dim..(hit.row + 1) * dim]);
                assert_eq!(hit.distance, distance.of_key(key));
            }
            assert!(
                near.windows(2)
                    .all(|two| two[0].distance <= two[1].distance)
            );
            hits += near.iter().filter(|hit| exact.contains(hit)).count();
        }
        let recall = hits as f64 / (60 * k) as f64;
        assert!(recall > 0.9, "{distance:?}: {recall}");
        let told = index.recall(&asked, k, 80, &quiet).unwrap();
        assert!((told.value - recall).abs() < 1e-12 && told.queries == 60);
        // as wide as the table: nothing is missed
        let all = index.search_nearly(&asked, k, n, &quiet).unwrap();
        assert_eq!(all, exact, "{distance:?}");
    }
}

#[test]
fn a_graph_is_the_same_for_any_number_of_threads_and_damage_is_told() {
    let values = clustered(1500, 12, 3);
    let build = |threads: usize, folder: &Path| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let mut index = index(folder, Distance::Euclidean, 12, &values, &[1500]);
            index.build_graphs(1, 0.97, &quiet).unwrap();
        });
        let file = std::fs::read_dir(folder)
            .unwrap()
            .map(|f| f.unwrap().path());
        let file = file
            .filter(|path| path.extension().is_some_and(|e| e == "graph"))
            .last()
            .unwrap();
        let bytes = std::fs::read(&file).unwrap();
        (file, bytes)
    };
    let (one, three) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (file, bytes) = build(1, one.path());
    assert!(bytes == build(3, three.path()).1);
    for at in [0, 1, 4000, bytes.len() - 1] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 16;
        std::fs::write(&file, &damaged).unwrap();
        let error = Index::open(one.path()).unwrap_err().to_string();
        assert!(
            error.contains(".graph: expected the content that was written"),
            "{error}"
        );
    }
}

#[test]
fn equal_vectors_do_not_break_a_graph() {
    let folder = tempfile::tempdir().unwrap();
    let mut values = vec![1.0; 900];
    values.extend(draw(100, 3, 1));
    let mut index = index(folder.path(), Distance::Cosine, 3, &values, &[400]);
    index.build_graphs(1, 0.97, &quiet).unwrap();
    let found = index.search_nearly(&[1.0; 3], 5, 50, &quiet).unwrap();
    assert!(found[0].iter().all(|hit| hit.distance.abs() < 1e-12));
}
