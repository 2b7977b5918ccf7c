//! `log` and `global` (traefik-core 5.3, 5.4).

use serde::Deserialize;

/// `log`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Log {
    /// `TRACE`, `DEBUG`, `INFO`, `WARN`, `ERROR`, `FATAL`, `PANIC` in any case.
    pub level: String,
    /// `common` or `json`.
    pub format: String,
    /// No colours.
    pub no_color: bool,
    /// File; empty means standard output.
    pub file_path: String,
    /// Megabytes after which the file is rotated; 0 means never.
    pub max_size: i64,
    /// Days that old files are kept; 0 means for ever.
    pub max_age: i64,
    /// Old files kept; 0 means all.
    pub max_backups: i64,
    /// Compress old files.
    pub compress: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: "ERROR".to_owned(),
            format: "common".to_owned(),
            no_color: false,
            file_path: String::new(),
            max_size: 0,
            max_age: 0,
            max_backups: 0,
            compress: false,
        }
    }
}

/// `global`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Global {
    /// Traefik would ask for updates; piton never does.
    pub check_new_version: bool,
    /// Traefik would report usage; piton never does.
    pub send_anonymous_usage: bool,
    /// Do not add the client to `X-Forwarded-For`, at any entry point.
    pub not_append_x_forwarded_for: bool,
}

impl Default for Global {
    fn default() -> Self {
        Self {
            check_new_version: true,
            send_anonymous_usage: false,
            not_append_x_forwarded_for: false,
        }
    }
}
