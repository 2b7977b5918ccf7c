//! Messages as middlewares see and change them: `http` types only, whoever holds them.

use bytes::Bytes;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

/// The name of a field, and how it is written where that can be seen (HTTP/1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldName {
    name: HeaderName,
    written: Bytes,
}

impl FieldName {
    /// A name as a user wrote it; on the wire it has Go's canonical case, as Traefik sends it. `None` when it is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let name = HeaderName::from_bytes(text.as_bytes()).ok()?;
        let mut written = name.as_str().to_owned().into_bytes();
        let mut is_first = true;
        for byte in &mut written {
            if is_first {
                byte.make_ascii_uppercase();
            }
            is_first = *byte == b'-';
        }
        Some(Self {
            name,
            written: written.into(),
        })
    }

    /// A name that is known to be one: lower case first, then as it is written.
    #[must_use]
    pub const fn known(name: &'static str, written: &'static str) -> Self {
        Self {
            name: HeaderName::from_static(name),
            written: Bytes::from_static(written.as_bytes()),
        }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &HeaderName {
        &self.name
    }

    /// How it is written.
    #[must_use]
    pub fn written(&self) -> Bytes {
        self.written.clone()
    }
}

/// The fields of a message.
pub trait Fields {
    /// All of them.
    fn fields(&self) -> &HeaderMap;
    /// Puts one in the place of all of that name.
    fn set(&mut self, name: &FieldName, value: HeaderValue);
    /// Puts one behind those of that name.
    fn add(&mut self, name: &FieldName, value: HeaderValue);
    /// Takes all of that name out.
    fn remove(&mut self, name: &HeaderName);
}

/// A request.
pub trait Request: Fields {
    /// The method.
    fn method(&self) -> &Method;
    /// The target: in origin form, and for HTTP/2 with the authority.
    fn uri(&self) -> &Uri;
    /// Replaces the target.
    fn set_uri(&mut self, uri: Uri);
}

impl Fields for HeaderMap {
    fn fields(&self) -> &HeaderMap {
        self
    }

    fn set(&mut self, name: &FieldName, value: HeaderValue) {
        self.insert(name.name.clone(), value);
    }

    fn add(&mut self, name: &FieldName, value: HeaderValue) {
        self.append(name.name.clone(), value);
    }

    fn remove(&mut self, name: &HeaderName) {
        HeaderMap::remove(self, name);
    }
}

impl Fields for http::request::Parts {
    fn fields(&self) -> &HeaderMap {
        &self.headers
    }

    fn set(&mut self, name: &FieldName, value: HeaderValue) {
        self.headers.set(name, value);
    }

    fn add(&mut self, name: &FieldName, value: HeaderValue) {
        self.headers.add(name, value);
    }

    fn remove(&mut self, name: &HeaderName) {
        self.headers.remove(name);
    }
}

impl Request for http::request::Parts {
    fn method(&self) -> &Method {
        &self.method
    }

    fn uri(&self) -> &Uri {
        &self.uri
    }

    fn set_uri(&mut self, uri: Uri) {
        self.uri = uri;
    }
}

/// The host of a request as it was sent, with its port: of the `Host` field, or of an HTTP/2 target.
pub(super) fn host(request: &dyn Request) -> &str {
    let field = request.fields().get(http::header::HOST);
    let field = field.and_then(|value| value.to_str().ok());
    field
        .or_else(|| Some(request.uri().authority()?.as_str()))
        .unwrap_or_default()
}

/// Puts another host in, wherever the request has one.
pub(super) fn set_host(request: &mut dyn Request, host: &HeaderValue) {
    const HOST: FieldName = FieldName::known("host", "Host");
    request.set(&HOST, host.clone());
    if request.uri().authority().is_none() {
        return;
    }
    let mut parts = request.uri().clone().into_parts();
    parts.authority = host.as_bytes().try_into().ok();
    parts.scheme = parts.scheme.or(Some(Scheme::HTTP));
    if let Ok(uri) = Uri::from_parts(parts) {
        request.set_uri(uri);
    }
}

/// The text of the first field of that name; empty where there is none.
pub(super) fn text<'r>(fields: &'r HeaderMap, name: &HeaderName) -> &'r str {
    let value = fields.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

/// Puts another path in, which is empty or begins with a slash; the query stays. False when it cannot be a path.
pub(super) fn set_path(request: &mut dyn Request, path: &str) -> bool {
    let path = if path.is_empty() { "/" } else { path };
    let target: Result<PathAndQuery, _> = match request.uri().query() {
        Some(query) => format!("{path}?{query}").parse(),
        None => path.parse(),
    };
    let Ok(target) = target else {
        return false;
    };
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = Some(target);
    if parts.authority.is_some() && parts.scheme.is_none() {
        parts.scheme = Some(Scheme::HTTP);
    }
    match Uri::from_parts(parts) {
        Ok(uri) => {
            request.set_uri(uri);
            true
        }
        Err(_) => false,
    }
}

/// Text as the value of a field; what a field cannot hold is left out.
pub(super) fn value_of(text: &str) -> HeaderValue {
    HeaderValue::from_bytes(text.as_bytes()).unwrap_or_else(|_| {
        let printable: String = text.chars().filter(|letter| !letter.is_control()).collect();
        HeaderValue::from_bytes(printable.as_bytes()).unwrap_or_else(|_| HeaderValue::from_static(""))
    })
}
