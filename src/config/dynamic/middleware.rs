//! `http.middlewares`: what may happen to a request on its way (traefik-core 7).
//!
//! All kinds of Traefik v3.7 are typed, so that its files are checked key by key; which of them piton can run is decided in
//! ring 1, where a router that uses another one is disabled: fail closed.

pub mod access;
pub mod flow;
pub mod headers;
pub mod path;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::{AllowEmpty, encode};
use access::{
    BasicAuth, DigestAuth, EncodedCharacters, ForwardAuth, IpAllowList, IpWhiteList, PassTlsClientCert,
};
use flow::{Buffering, Chain, CircuitBreaker, Compress, Errors, GrpcWeb, InFlightReq, RateLimit, Retry};
use headers::{ContentType, Headers};
use path::{
    AddPrefix, RedirectRegex, RedirectScheme, ReplacePath, ReplacePathRegex, StripPrefix, StripPrefixRegex,
};

/// A value whose shape only a plugin knows.
pub type FreeForm = serde_yaml::Value;

/// One middleware: exactly one of the fields shall be present ([`Middleware::kinds`]).
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Middleware {
    /// Puts a prefix before the path.
    pub add_prefix: Option<AddPrefix>,
    /// Asks for a name and a password.
    pub basic_auth: Option<BasicAuth>,
    /// Collects bodies before passing them on.
    pub buffering: Option<Buffering>,
    /// Other middlewares under one name.
    pub chain: Option<Chain>,
    /// Answers itself while a service is failing.
    pub circuit_breaker: Option<CircuitBreaker>,
    /// Compresses responses.
    pub compress: AllowEmpty<Compress>,
    /// Guesses a missing `Content-Type`.
    pub content_type: AllowEmpty<ContentType>,
    /// Asks for a name and a password, by digest.
    pub digest_auth: Option<DigestAuth>,
    /// Refuses paths with certain encoded characters.
    pub encoded_characters: AllowEmpty<EncodedCharacters>,
    /// Replaces error pages.
    pub errors: Option<Errors>,
    /// Asks another server whether to let a request in.
    pub forward_auth: Option<ForwardAuth>,
    /// Translates gRPC-Web.
    pub grpc_web: Option<GrpcWeb>,
    /// Sets, removes and checks header fields.
    pub headers: Option<Headers>,
    /// Limits requests in flight.
    pub in_flight_req: Option<InFlightReq>,
    /// Lets only some addresses in.
    pub ip_allow_list: Option<IpAllowList>,
    /// Deprecated name of `ipAllowList`.
    pub ip_white_list: Option<IpWhiteList>,
    /// Tells servers about the client's certificate.
    #[serde(rename = "passTLSClientCert")]
    pub pass_tls_client_cert: Option<PassTlsClientCert>,
    /// Code that Traefik would load, by plugin name.
    #[serde(serialize_with = "encode::of_plugins")]
    pub plugin: Option<BTreeMap<String, FreeForm>>,
    /// Limits requests per time.
    pub rate_limit: Option<RateLimit>,
    /// Redirects by regular expression.
    pub redirect_regex: Option<RedirectRegex>,
    /// Redirects to another scheme.
    pub redirect_scheme: Option<RedirectScheme>,
    /// Replaces the path.
    pub replace_path: Option<ReplacePath>,
    /// Replaces the path by regular expression.
    pub replace_path_regex: Option<ReplacePathRegex>,
    /// Tries again.
    pub retry: Option<Retry>,
    /// Removes a prefix from the path.
    pub strip_prefix: Option<StripPrefix>,
    /// Removes a prefix from the path by regular expression.
    pub strip_prefix_regex: Option<StripPrefixRegex>,
}

impl Middleware {
    /// Files that are read when it is applied. Their content is no part of it.
    pub fn named_files(&self) -> impl Iterator<Item = &String> {
        self.basic_auth.iter().map(|auth| &auth.users_file)
    }

    /// The kinds present, as their keys are written; one is right, none or several are a mistake.
    pub fn kinds(&self) -> Vec<&'static str> {
        [
            ("addPrefix", self.add_prefix.is_some()),
            ("basicAuth", self.basic_auth.is_some()),
            ("buffering", self.buffering.is_some()),
            ("chain", self.chain.is_some()),
            ("circuitBreaker", self.circuit_breaker.is_some()),
            ("compress", self.compress.is_some()),
            ("contentType", self.content_type.is_some()),
            ("digestAuth", self.digest_auth.is_some()),
            ("encodedCharacters", self.encoded_characters.is_some()),
            ("errors", self.errors.is_some()),
            ("forwardAuth", self.forward_auth.is_some()),
            ("grpcWeb", self.grpc_web.is_some()),
            ("headers", self.headers.is_some()),
            ("inFlightReq", self.in_flight_req.is_some()),
            ("ipAllowList", self.ip_allow_list.is_some()),
            ("ipWhiteList", self.ip_white_list.is_some()),
            ("passTLSClientCert", self.pass_tls_client_cert.is_some()),
            ("plugin", self.plugin.is_some()),
            ("rateLimit", self.rate_limit.is_some()),
            ("redirectRegex", self.redirect_regex.is_some()),
            ("redirectScheme", self.redirect_scheme.is_some()),
            ("replacePath", self.replace_path.is_some()),
            ("replacePathRegex", self.replace_path_regex.is_some()),
            ("retry", self.retry.is_some()),
            ("stripPrefix", self.strip_prefix.is_some()),
            ("stripPrefixRegex", self.strip_prefix_regex.is_some()),
        ]
        .into_iter()
        .filter_map(|(kind, present)| present.then_some(kind))
        .collect()
    }
}
