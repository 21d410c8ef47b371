//! What must hold of the whole.

mod scenarios;
