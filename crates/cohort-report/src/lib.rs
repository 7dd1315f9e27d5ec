//! Plots (SVG, PNG) and pages (HTML) from the tables and metrics of the other stages.

pub mod audio_figures;
mod canvas;
pub mod charts;
mod error;
mod font;
mod format;
mod map_page;
mod markup;
mod page;
mod palette;
mod raster;
mod scale;
mod sheet;
mod text_width;

pub use canvas::{Style, Target};
pub use error::ReportError;
pub use map_page::{MapPage, MapPoint, map_page};
pub use page::{
    AuditFigure, Caution, Mistake, Mistakes, ModelDocument, Planted, RunDocuments, RunRecord,
    RunSetting, audit_figure, audit_page, cautions, run_page, sheet_page,
};
pub use raster::{jpeg_address, svg_to_png};
pub use sheet::{DrawnSheet, Sheet, SheetPicture, SheetQuery, Shown, sheet_png};
