//! What detectors are made of, apart from any network.
