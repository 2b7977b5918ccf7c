//! `api`: what piton says about itself, and who may change something (traefik-core 5.4, 8).

use serde::Deserialize;

/// `api`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Api {
    /// What stands before `/api` and `/dashboard`.
    pub base_path: String,
    /// Answer on the entry point `traefik`, to everybody who reaches it.
    pub insecure: bool,
    /// Traefik would show a dashboard; piton has none.
    pub dashboard: bool,
    /// Traefik would show its insides; piton does not.
    pub debug: bool,
    /// About Traefik's dashboard.
    pub disable_dashboard_ad: bool,
    /// About Traefik's dashboard.
    pub dashboard_name: String,
    /// Who may drain servers; nobody unless it is written. Piton's own.
    pub write: Option<Write>,
}

impl Default for Api {
    fn default() -> Self {
        Self {
            base_path: "/".to_owned(),
            insecure: false,
            dashboard: true,
            debug: false,
            disable_dashboard_ad: false,
            dashboard_name: String::new(),
            write: None,
        }
    }
}

/// `api.write`: exactly one of both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Write {
    /// File with the token that changes have to bear; read again when it changes.
    pub token_file: String,
    /// Path of a unix socket on which the API is answered, changes included, to whoever may open it (mode 0600).
    pub socket: String,
}
