//! Files of the Hugging Face hub by name (`hf:org/name:file`): from the cache that Hugging Face's own tools share, and with the
//! feature `download` from the hub into it. No Burn.
//!
//! [`Location`] is what a user writes, [`Hub::resolve`] makes a path of it, [`Repository`] brings several files of one commit.

mod cache;
#[cfg(feature = "download")]
mod download;
#[cfg(all(test, feature = "download"))]
mod download_tests;
mod error;
mod hub;
mod location;
mod progress;
mod repository;
#[cfg(feature = "download")]
mod request;
mod resolve;
#[cfg(feature = "download")]
mod store;
#[cfg(feature = "download")]
mod wanted;

pub use error::HubError;
pub use hub::Hub;
pub use location::Location;
pub use progress::{OnReceived, Received};
pub use repository::Repository;
