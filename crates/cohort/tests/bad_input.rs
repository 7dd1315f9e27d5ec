//! Bad input of every kind: the message a user gets, the exit code, and that nothing is lost.
//!
//! 0: done. 1: done, and a check found something. 2: the input or the call is wrong.

mod common;

#[path = "bad_input/bench.rs"]
mod bench;
#[path = "bad_input/command_line.rs"]
mod command_line;
#[path = "bad_input/configuration.rs"]
mod configuration;
#[path = "bad_input/foreign_tables.rs"]
mod foreign_tables;
#[path = "bad_input/label_tables.rs"]
mod label_tables;
#[path = "bad_input/models.rs"]
mod models;
#[path = "bad_input/mutations.rs"]
mod mutations;
#[path = "bad_input/outputs.rs"]
mod outputs;
#[path = "bad_input/pictures.rs"]
mod pictures;
#[path = "bad_input/predictions.rs"]
mod predictions;
#[path = "bad_input/sounds.rs"]
mod sounds;
#[path = "bad_input/transcripts.rs"]
mod transcripts;
