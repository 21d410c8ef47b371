//! The conformance suite.

crate::conformance::conformance!(crate::sqlite::tests::open);
