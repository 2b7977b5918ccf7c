//! Why an API server did not do what was asked, in words for people.

use std::error::Error;
use std::{fmt, io};

use kube::client::AuthError;
use kube::config::KubeconfigError;
use kube::core::Status;

use crate::config::cut;

/// Why an API server did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// It knows who asks, who may not (403).
    Forbidden {
        /// Whom it knows; empty when it does not say.
        user: String,
    },
    /// It does not know who asks (401).
    Unauthorized,
    /// What was asked from is too long ago (410).
    Gone,
    /// There is no such thing (404).
    NotFound,
    /// Somebody else was faster, or it is there already (409).
    Conflict,
    /// It answered, but not as anybody reads it; where that is.
    NotUnderstood(String),
    /// It answers that it does not do it, for any other reason.
    Refused(String),
    /// Everything else: mostly, there is no answer.
    Other(String),
}

impl Failure {
    /// What an answer that is none says.
    pub(super) fn of_status(status: &Status) -> Self {
        match status.code {
            401 => Self::Unauthorized,
            403 => Self::Forbidden {
                user: user(&status.message).to_owned(),
            },
            404 => Self::NotFound,
            409 => Self::Conflict,
            410 => Self::Gone,
            code => Self::Refused(format!("the API server says {code}: {}", cut(&status.message))),
        }
    }
}

impl From<kube::Error> for Failure {
    fn from(error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) => Self::of_status(status),
            // What it quotes may be a secret.
            kube::Error::SerdeError(error) => {
                Self::NotUnderstood(format!("line {}, column {}", error.line(), error.column()))
            }
            kube::Error::ReadEvents(error) if error.kind() == io::ErrorKind::InvalidData => {
                Self::NotUnderstood("no UTF-8".to_owned())
            }
            error => Self::Other(words(error)),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotUnderstood(place) => {
                return write!(
                    f,
                    "the answer of the API server is not understood ({place}): one object that is not as it should be is \
                     enough, and nothing of its kind is read until it is changed"
                );
            }
            Self::Forbidden { .. } => "the API server forbids it (403)",
            Self::Unauthorized => {
                "the API server does not know who asks (401): the token or certificate that is shown to it is not valid, or no longer"
            }
            Self::Gone => "the API server has forgotten that time (410)",
            Self::NotFound => "the API server has no such resource (404)",
            Self::Conflict => "somebody else was faster (409)",
            Self::Refused(reason) | Self::Other(reason) => reason,
        })
    }
}

/// An error and what lies behind it, without what says nothing and what may hold a secret.
pub(super) fn words(error: &(dyn Error + 'static)) -> String {
    let mut chain = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(AuthError::AuthExecRun { cmd, out }) = error.downcast_ref() {
            // Its output may be a token.
            return format!(
                "the command {cmd:?} that shall make a token failed: {}",
                out.status
            );
        }
        if let Some(KubeconfigError::Parse(error)) = error.downcast_ref() {
            // It quotes the lines around the mistake, and a token may stand in one of them.
            let place = error.location();
            let place = place.map(|at| format!(" (line {}, column {})", at.line(), at.column()));
            return format!("it is no kubeconfig{}", place.unwrap_or_default());
        }
        chain.push(error.to_string());
        next = error.source();
    }
    let mut words: Vec<&str> = Vec::new();
    for (index, text) in chain.iter().enumerate() {
        let deeper = chain.get(index + 1..).unwrap_or_default();
        // Many an error repeats what lies behind it.
        let is_said = deeper.iter().any(|deeper| text.contains(deeper.as_str()));
        let is_noise = text.starts_with("client error (") && !deeper.is_empty();
        if !is_said && !is_noise {
            words.push(text);
        } else if is_said
            && !is_noise
            && let Some(short) = prefix(text, deeper)
        {
            words.push(short);
        }
    }
    cut(&words.join(": ")).to_string()
}

/// What stands in `text` before what lies behind it.
fn prefix<'a>(text: &'a str, deeper: &[String]) -> Option<&'a str> {
    let at = deeper
        .iter()
        .filter_map(|deeper| text.find(deeper.as_str()))
        .min()?;
    let before = text.get(..at)?.trim_end_matches([':', ' ', '(']);
    // Names of types are no words.
    (before.contains(' ')).then_some(before)
}

/// `User "x" cannot list ...`: who that is.
fn user(message: &str) -> &str {
    let begin = message.split_once("User \"").map(|(_, rest)| rest);
    let name = begin.and_then(|rest| rest.split_once('"'));
    name.map_or("", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16, message: &str) -> Status {
        Status {
            code,
            message: message.to_owned(),
            ..Status::default()
        }
    }

    #[derive(Debug, thiserror::Error)]
    #[error("ServiceError: {0}")]
    struct Outer(#[source] Middle);

    #[derive(Debug, thiserror::Error)]
    #[error("client error (Connect)")]
    struct Middle(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("tcp connect error")]
    struct Inner(#[source] std::io::Error);

    #[test]
    fn who_may_not_is_read_from_the_answer() {
        let message = r#"endpointslices.discovery.k8s.io is forbidden: User "system:serviceaccount:edge:piton" cannot list resource "endpointslices""#;
        let user = "system:serviceaccount:edge:piton".to_owned();
        assert_eq!(
            Failure::of_status(&status(403, message)),
            Failure::Forbidden { user }
        );
        let nobody = Failure::Forbidden { user: String::new() };
        assert_eq!(Failure::of_status(&status(403, "no")), nobody);
        assert_eq!(Failure::of_status(&status(410, "too old")), Failure::Gone);
        assert_eq!(Failure::of_status(&status(401, "")), Failure::Unauthorized);
    }

    #[test]
    fn an_error_is_told_to_its_bottom_and_nothing_twice() {
        let io = std::io::Error::other("Connection refused (os error 111)");
        let error = Outer(Middle(Inner(io)));
        assert_eq!(
            words(&error),
            "tcp connect error: Connection refused (os error 111)"
        );
    }

    #[test]
    fn a_kubeconfig_that_cannot_be_read_is_not_quoted() {
        for text in [
            "users: [[[\ntoken: geheim",
            "users: {token: geheim: x}\n",
            "geheim",
        ] {
            let error = kube::config::Kubeconfig::from_yaml(text).unwrap_err();
            let said = words(&error);
            assert!(
                said.starts_with("it is no kubeconfig") && !said.contains("geheim"),
                "{said}"
            );
        }
    }

    #[test]
    fn an_answer_that_is_not_understood_is_not_repeated() {
        let error = serde_json::from_str::<u8>("\"geheim\"").unwrap_err();
        let failure = Failure::from(kube::Error::SerdeError(error));
        let text = failure.to_string();
        assert!(
            text.contains("not understood") && !text.contains("geheim"),
            "{text}"
        );
    }
}
