//! Paths that files write, so that what belongs together can be moved together.

use std::path::{Component, Path, PathBuf};

/// `target` seen from `folder`, so that a run folder beside its data can be moved with it; as it is when the two have
/// no place in common.
pub fn relative(folder: &Path, target: &Path) -> PathBuf {
    let (Ok(folder), Ok(full)) = (folder.canonicalize(), target.canonicalize()) else {
        return target.to_path_buf();
    };
    let (from, to): (Vec<Component>, Vec<Component>) =
        (folder.components().collect(), full.components().collect());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    // the root alone, or the drive, is no common place
    if common < 2 {
        return full;
    }
    let up = from[common..].iter().map(|_| Component::ParentDir);
    up.chain(to[common..].iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_within_a_tree() {
        let root = tempfile::tempdir().unwrap();
        let (run, data) = (root.path().join("out/run"), root.path().join("data"));
        std::fs::create_dir_all(&run).unwrap();
        std::fs::create_dir_all(&data).unwrap();
        assert_eq!(relative(&run, &data), Path::new("../../data"));
        assert_eq!(
            relative(&run, &root.path().join("missing")),
            root.path().join("missing")
        );
    }
}
