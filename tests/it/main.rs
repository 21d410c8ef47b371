//! What must hold of the whole.

mod scenarios;
mod scripts;
