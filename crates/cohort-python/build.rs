//! Tells the linker of macOS that Python's own symbols come with the interpreter.

fn main() {
    pyo3_build_config::add_extension_module_link_args();
}
