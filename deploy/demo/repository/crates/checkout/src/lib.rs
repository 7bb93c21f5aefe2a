//! The checkout service, as far as the demo's gates look at it.
pub const NAME: &str = "checkout";
