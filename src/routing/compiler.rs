//! What compiling a service needs besides the service.

use super::Merged;
use super::transports::Transports;
use crate::balance::Micros;
use crate::config::Files;

/// What compiling a service needs besides the service.
pub(super) struct Compiler<'a> {
    pub(super) merged: &'a Merged,
    pub(super) transports: Transports<'a>,
    pub(super) files: &'a dyn Files,
    pub(super) now: Micros,
}
