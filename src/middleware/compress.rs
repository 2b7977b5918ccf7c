//! `compress`: bodies of answers, in an encoding that the client takes.

mod accept;
mod encoder;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

pub(super) use self::accept::Encoding;
pub(super) use self::encoder::Encoder;
use super::message::{FieldName, Fields, Request, text};
use crate::config::dynamic::middleware::flow as wire;

const ENCODING: FieldName = FieldName::known("content-encoding", "Content-Encoding");
const VARY: FieldName = FieldName::known("vary", "Vary");
const ETAG: FieldName = FieldName::known("etag", "Etag");
/// Smallest body compressed where nothing is said, in bytes.
const MIN_BODY: u64 = 1024;
/// Never compressed: frames of it are.
const GRPC: &str = "application/grpc";

/// Compresses answers.
#[derive(Debug)]
pub(super) struct Compress {
    excluded: Vec<String>,
    included: Vec<String>,
    min_body: u64,
    encodings: Vec<Encoding>,
    default: Option<Encoding>,
}

impl Compress {
    /// From `compress`.
    pub(super) fn new(written: &wire::Compress) -> Result<Self, String> {
        if !written.excluded_content_types.is_empty() && !written.included_content_types.is_empty() {
            return Err(
                "excludedContentTypes and includedContentTypes options are mutually exclusive".to_owned(),
            );
        }
        let types = |list: &[String]| {
            let parsed = list.iter().map(|text| {
                let media = media_type(text);
                let is_one = media
                    .split_once('/')
                    .is_some_and(|(main, sub)| !main.is_empty() && !sub.is_empty());
                if is_one {
                    Ok(media)
                } else {
                    Err(format!("{text:?} is no content type; write one like text/html"))
                }
            });
            parsed.collect::<Result<Vec<_>, _>>()
        };
        let min_body = u64::try_from(written.min_response_body_bytes).map_err(|_| {
            format!(
                "minResponseBodyBytes {} is negative; write a number of bytes",
                written.min_response_body_bytes
            )
        })?;
        let parse = |name: &String| {
            Encoding::parse(name)
                .ok_or_else(|| format!("unsupported encoding: {name}; piton has gzip, br and zstd"))
        };
        let encodings = written
            .encodings
            .iter()
            .map(parse)
            .collect::<Result<Vec<_>, _>>()?;
        let encodings = if encodings.is_empty() {
            Encoding::ALL.to_vec()
        } else {
            encodings
        };
        let default = (!written.default_encoding.is_empty()).then(|| {
            let known = Encoding::parse(&written.default_encoding).filter(|known| encodings.contains(known));
            known.ok_or_else(|| format!("unsupported default encoding: {}", written.default_encoding))
        });
        Ok(Self {
            excluded: types(&written.excluded_content_types)?,
            included: types(&written.included_content_types)?,
            min_body: if min_body == 0 { MIN_BODY } else { min_body },
            default: default.transpose()?,
            encodings,
        })
    }

    /// The encoding that an answer to this request may have.
    pub(super) fn offer(&self, request: &dyn Request) -> Option<Encoding> {
        let of_request = media_type(text(request.fields(), &header::CONTENT_TYPE));
        if *request.method() == Method::HEAD || self.is_excluded(&of_request) {
            return None;
        }
        if !request.fields().contains_key(header::ACCEPT_ENCODING) {
            return self.default;
        }
        let fields = request.fields().get_all(header::ACCEPT_ENCODING).iter();
        let accepted = fields
            .filter_map(|value| value.to_str().ok())
            .collect::<Vec<_>>()
            .join(",");
        accept::choose(&accepted, &self.encodings)
    }

    fn is_excluded(&self, media: &str) -> bool {
        media == GRPC || self.excluded.iter().any(|excluded| excluded == media)
    }

    /// Changes the header of an answer that will be compressed, if it will: then its length is gone, and its body is
    /// to go through the encoder.
    pub(super) fn start(
        &self,
        encoding: Encoding,
        status: StatusCode,
        response: &mut dyn Fields,
    ) -> Option<Encoder> {
        response.add(&VARY, HeaderValue::from_static("Accept-Encoding"));
        let fields = response.fields();
        if !has_whole_body(status, fields) || fields.contains_key(header::CONTENT_ENCODING) {
            return None;
        }
        let media = media_type(text(fields, &header::CONTENT_TYPE));
        let is_wanted = self.included.is_empty() || self.included.contains(&media);
        let length = text(fields, &header::CONTENT_LENGTH).parse::<u64>().ok();
        if !is_wanted || self.is_excluded(&media) || length.is_some_and(|length| length < self.min_body) {
            return None;
        }
        let flushes = length.is_none() || media == "text/event-stream";
        let encoder = Encoder::new(encoding, flushes)?;
        response.set(&ENCODING, HeaderValue::from_static(encoding.name()));
        weaken(response);
        for name in [
            header::CONTENT_LENGTH,
            header::ACCEPT_RANGES,
            CONTENT_MD5,
            DIGEST,
            CONTENT_DIGEST,
        ] {
            response.remove(&name);
        }
        Some(encoder)
    }
}

const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");
const DIGEST: HeaderName = HeaderName::from_static("digest");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

fn has_whole_body(status: StatusCode, fields: &HeaderMap) -> bool {
    let has_none = status.is_informational()
        || matches!(
            status,
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED | StatusCode::PARTIAL_CONTENT
        );
    let is_not_to_be_changed = text(fields, &header::CACHE_CONTROL).contains("no-transform");
    !has_none && !fields.contains_key(header::CONTENT_RANGE) && !is_not_to_be_changed
}

/// The bytes are others now: a strong validator would say they are the same (RFC 9110 section 8.8.1).
fn weaken(response: &mut dyn Fields) {
    let etag = text(response.fields(), &header::ETAG);
    if etag.starts_with('"')
        && let Ok(weak) = HeaderValue::from_str(&format!("W/{etag}"))
    {
        response.set(&ETAG, weak);
    }
}

/// A content type without its parameters, in lower case.
fn media_type(text: &str) -> String {
    text.split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
