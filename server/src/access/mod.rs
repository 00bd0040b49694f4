//! Who asks, and whether they may: tokens of requests, those who guess, and the gate of a private registry.
//!
//! ```text
//! credentials.rs  the secret a request shows     callers.rs  whose it is     gate.rs  private registries
//! forwarded.rs    who is behind a proxy          limits.rs   how much one may ask
//! policy.rs       what an operator decides, changeable while serving
//! ```

mod callers;
mod credentials;
mod forwarded;
mod gate;
mod limits;
mod policy;

pub use self::callers::Callers;
pub(crate) use self::callers::{Caller, forbidden};
pub use self::forwarded::{NetworkError, TrustedProxies};
pub(crate) use self::gate::{keep_from_others, policy_of, refuse, turn_away};
pub use self::limits::{Rate, RateError, Rates};
pub(crate) use self::policy::InForce;
pub use self::policy::{Access, LivePolicy, MetricsAccess, Policy, PublishRules};
