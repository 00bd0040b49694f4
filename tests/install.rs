//! `pack …` from a tree and from a server.
