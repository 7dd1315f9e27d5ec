//! Values that have names: listed in the help, completed by the shell, and proposed where one is mistyped.

use std::fmt::Display;
use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Where networks can be computed.
#[cfg(feature = "networks")]
pub(crate) const DEVICES: [&str; 3] = ["cpu", "vulkan", "cuda"];

/// A parser of values by their names.
pub(crate) fn named<T>(
    names: impl IntoIterator<Item = &'static str>,
) -> impl TypedValueParser<Value = T>
where
    T: FromStr + Clone + Send + Sync + 'static,
    T::Err: Display,
{
    PossibleValuesParser::new(names)
        .try_map(|name| name.parse::<T>().map_err(|error| error.to_string()))
}
