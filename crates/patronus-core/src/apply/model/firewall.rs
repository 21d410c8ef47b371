//! The state of a network's nft table.

/// What is known of a network's nft table. nft lists rules in its own form, so the digest of the text that made the
/// table is kept in it as a comment and compared instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Firewall {
    /// nft cannot be used here, with the reason: the program is missing, or the kernel has no nf_tables.
    Unavailable(String),
    /// There is no table.
    Missing,
    /// There is a table made from the text with this SHA-256 (hexadecimal); empty if it does not say.
    Present(String),
}
