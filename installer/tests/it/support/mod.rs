//! What the tests are made of: packs, registries, a packs directory, snapshots of it.

pub(crate) mod home;
pub(crate) mod pack;
pub(crate) mod registry;
pub(crate) mod server;
pub(crate) mod tls;

pub(crate) use home::Home;
pub(crate) use pack::Pack;
pub(crate) use registry::TestRegistry;
pub(crate) use server::Server;
