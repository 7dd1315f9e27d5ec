//! The families of single files, and the networks of a pipeline.

/// The families of single files that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SingleFile {
    /// Stable Diffusion 1.x: CLIP ViT-L, 768 wide.
    Sd1,
    /// Stable Diffusion 2.x and its turbo form: OpenCLIP ViT-H, 1,024 wide.
    Sd2,
    /// Stable Diffusion XL base and its turbo form: both CLIP ViT-L and OpenCLIP ViT-bigG, 2,048 wide together.
    Xl,
}

/// All of them.
pub const SINGLE_FILE_FAMILIES: [SingleFile; 3] =
    [SingleFile::Sd1, SingleFile::Sd2, SingleFile::Xl];

impl SingleFile {
    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Sd1 => "Stable Diffusion 1.x",
            Self::Sd2 => "Stable Diffusion 2.x",
            Self::Xl => "Stable Diffusion XL",
        }
    }
}

/// A network of a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The denoiser.
    UNet,
    /// The autoencoder of pictures.
    Vae,
    /// The text encoder, XL's first.
    TextEncoder,
    /// XL's second text encoder.
    TextEncoder2,
}

impl Part {
    /// Its folder below a pipeline's.
    pub fn folder(self) -> &'static str {
        match self {
            Self::UNet => "unet",
            Self::Vae => "vae",
            Self::TextEncoder => "text_encoder",
            Self::TextEncoder2 => "text_encoder_2",
        }
    }
}
