//! Charts as SVG text, from plain data.
//!
//! Every chart takes a struct of plain data and a [`Style`](crate::Style) and gives one `<svg>` element, with a title
//! and a description for those who cannot see it, text as text, and hints for a resting pointer. Values that are not
//! finite are left out; no data make a chart panic.

pub(crate) mod axes;
mod bars;
mod boxes;
mod heatmap;
mod histogram;
mod intervals;
mod lines;
mod mosaic;
mod reliability;
mod scatter;
mod stacked;

pub use bars::{BarChart, BarSeries, bar_panels, bars, shared_maximum};
pub use boxes::{BoxChart, BoxRow, boxes};
pub use heatmap::{HeatMap, heatmap};
pub use histogram::{Histogram, histogram};
pub use intervals::{IntervalChart, IntervalRow, intervals};
pub use lines::{LineChart, LineSeries, lines};
pub use mosaic::{Mosaic, MosaicBlock, mosaic};
pub use reliability::{Reliability, ReliabilityBin, reliability};
pub(crate) use scatter::shuffled as scatter_order;
pub use scatter::{ScatterChart, ScatterPoint, scatter};
pub use stacked::{StackedChart, StackedRow, stacked};
