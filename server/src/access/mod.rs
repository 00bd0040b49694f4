//! Who asks, and whether they may: tokens of requests, those who guess, and the gate of a private registry.
//!
//! ```text
//! credentials.rs  the secret a request shows     callers.rs  whose it is     gate.rs  private registries
//! policy.rs       what an operator decides, changeable while serving
//! ```

mod callers;
mod credentials;
mod gate;
mod policy;

pub use self::callers::Callers;
pub(crate) use self::callers::{Caller, forbidden};
pub(crate) use self::gate::{Gate, keep_from_others, turn_away};
pub use self::policy::{Access, LivePolicy, Policy};
