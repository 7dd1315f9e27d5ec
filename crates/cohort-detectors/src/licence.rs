//! Whose weights a file has, as far as it can be told.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use memchr::memmem;

/// Where weights come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A file called as YOLOX's published ones are (`yolox_nano.onnx`, `yolox_s.pth`, ...): Apache-2.0.
    Yolox,
    /// A file that names detectron2's model zoo as its author: CC BY-SA 3.0, as the zoo's page says.
    Detectron2,
    /// A file called as torchvision's published R-CNNs are.
    Torchvision,
    /// A file that names Ultralytics' code or package (YOLOv5 to v26): AGPL-3.0, code and weights, also those one trains with it.
    Ultralytics,
    /// Told by nothing.
    Unknown,
}

/// What Ultralytics' files say of themselves: the package, or the modules of YOLOv5's pickles.
const MARKS: [&[u8]; 4] = [b"ultralytics", b"Ultralytics", b"models.yolo", b"yolov5"];
/// What the files of detectron2's zoo name as their author.
const ZOO: &[u8] = b"Detectron2 Model Zoo";
/// What torchvision calls its published files, before the hash.
const TORCHVISION: [&str; 2] = [
    "fasterrcnn_resnet50_fpn_coco-",
    "maskrcnn_resnet50_fpn_coco-",
];
/// Bytes that are looked at together.
const PIECE: usize = 1 << 20;

impl Origin {
    /// Looks at a file's name and, for the marks that files carry within, at all of its bytes.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of(path: &Path) -> std::io::Result<Self> {
        let mut file = File::open(path)?;
        let longest = MARKS.iter().map(|mark| mark.len()).max().unwrap_or(1);
        let overlap = longest.max(ZOO.len()) - 1;
        let mut is_of_zoo = false;
        let mut bytes: Vec<u8> = Vec::with_capacity(PIECE + overlap);
        loop {
            let kept = bytes.len().min(overlap);
            bytes.drain(..bytes.len() - kept);
            let read = (&mut file).take(PIECE as u64).read_to_end(&mut bytes)?;
            if MARKS
                .iter()
                .any(|mark| memmem::find(&bytes, mark).is_some())
            {
                return Ok(Self::Ultralytics);
            }
            is_of_zoo |= memmem::find(&bytes, ZOO).is_some();
            if read == 0 {
                break;
            }
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let size = stem.strip_prefix("yolox_").unwrap_or_default();
        let is_torchvisions = TORCHVISION.iter().any(|name| stem.starts_with(name));
        Ok(match size {
            _ if is_of_zoo => Self::Detectron2,
            _ if is_torchvisions => Self::Torchvision,
            "nano" | "tiny" | "s" | "m" | "l" | "x" => Self::Yolox,
            _ => Self::Unknown,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_found_wherever_they_are_and_published_names_are_known() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            Origin::of(&path).unwrap()
        };
        assert_eq!(of("yolox_nano.onnx", b"PK"), Origin::Yolox);
        assert_eq!(of("yolox_s.pth", b""), Origin::Yolox);
        assert_eq!(of("mine.pth", b"yolox_nano"), Origin::Unknown);
        assert_eq!(of("yolox_mine.pth", b""), Origin::Unknown);
        let zoo = b"X\x14\0\0\0Detectron2 Model Zoo";
        assert_eq!(of("model_final_f10217.pkl", zoo), Origin::Detectron2);
        let published = "maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth";
        assert_eq!(of(published, b"PK"), Origin::Torchvision);
        // across the border of two pieces
        for before in [0, 10, PIECE - 5, 2 * PIECE - 1] {
            let bytes = [vec![0; before].as_slice(), b"ultralytics.nn.tasks"].concat();
            assert_eq!(of("yolox_nano.pt", &bytes), Origin::Ultralytics, "{before}");
        }
        assert_eq!(of("x.pt", b"cmodels.yolo\nModel"), Origin::Ultralytics);
        assert!(Origin::of(&folder.path().join("absent")).is_err());
    }
}
