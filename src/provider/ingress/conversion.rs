//! What all objects together mean.

use super::Remark;
use crate::config::Remarks;
use crate::config::dynamic::Configuration;

/// What the objects of a cluster mean now.
#[derive(Debug, Clone, Default)]
pub struct Conversion {
    /// Everything they configure; shares with the conversion before what did not change.
    pub configuration: Configuration,
    /// Everything there is to say.
    pub remarks: Remarks,
    /// What the conversion before did not say.
    pub fresh: Vec<Remark>,
}
