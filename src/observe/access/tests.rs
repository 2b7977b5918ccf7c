//! Times, filters and rules without a request on a socket are tested where they are; here a whole line of a request that
//! got no server.

use http::{HeaderMap, Uri, Version};

use super::super::ended::{Ended, Place};
use super::fields::Fields;
use super::{Rules, clf, json};
use crate::meter::Protocol;
use crate::routing::Observed;
use crate::sticky::Outcome;

fn refused<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Ended<'a> {
    Ended {
        began: 1_000,
        wall: 1_795_305_600_120,
        ended: 2_501_000,
        place: Place {
            entry_point: 0,
            name: "web",
            client: "[::ffff:10.0.0.1]:7".parse().ok(),
            tls: Some(("1.3", "TLS_AES_256_GCM_SHA384")),
        },
        method: "GET",
        uri,
        version: Version::HTTP_2,
        headers,
        protocol: Protocol::Http,
        request_bytes: 3,
        routed: None,
        leaf: None,
        server: None,
        outcome: Outcome::default(),
        retries: 0,
        asked: None,
        origin_status: None,
        origin_headers: None,
        status: 404,
        response_headers: None,
        response_bytes: 19,
        grpc_status: None,
        is_internal: false,
        observed: Observed::default(),
    }
}

#[test]
fn what_there_is_not_is_a_dash_in_clf_and_left_out_in_json() {
    let uri: Uri = "https://a.example:8443/x".parse().unwrap();
    let headers = HeaderMap::new();
    let ended = refused(&uri, &headers);
    let rules = Rules::new(None);
    let fields = Fields::new(&ended, 7, &rules);
    let mut line = Vec::new();
    clf::write(&mut line, &fields, true);
    assert_eq!(
        String::from_utf8(line).unwrap(),
        "10.0.0.1 - - [22/Nov/2026:00:00:00 +0000] \"GET /x HTTP/2.0\" 404 19 \"-\" \"-\" 7 \"-\" \"-\" 2500ms\n"
    );
    let mut line = Vec::new();
    json::write(&mut line, &fields);
    assert_eq!(
        String::from_utf8(line).unwrap(),
        "{\"ClientAddr\":\"10.0.0.1:7\",\"ClientHost\":\"10.0.0.1\",\"ClientPort\":\"7\",\
         \"ClientUsername\":\"-\",\"DownstreamContentSize\":19,\"DownstreamStatus\":404,\"Duration\":2500000000,\
         \"Overhead\":2500000000,\"RequestAddr\":\"a.example:8443\",\"RequestContentSize\":3,\"RequestCount\":7,\
         \"RequestHost\":\"a.example\",\"RequestMethod\":\"GET\",\"RequestPath\":\"/x\",\"RequestPort\":\"8443\",\
         \"RequestProtocol\":\"HTTP/2.0\",\"RequestScheme\":\"https\",\"RetryAttempts\":0,\
         \"StartLocal\":\"2026-11-22T00:00:00.12Z\",\"StartUTC\":\"2026-11-22T00:00:00.12Z\",\
         \"TLSCipher\":\"TLS_AES_256_GCM_SHA384\",\"TLSVersion\":\"1.3\",\"entryPointName\":\"web\",\
         \"level\":\"info\",\"msg\":\"\",\"time\":\"2026-11-22T00:00:02Z\"}\n"
    );
}

#[test]
fn no_value_ends_its_line() {
    let uri = Uri::from_static("/");
    let mut headers = HeaderMap::new();
    // What `http` lets through: tabs, quotes, bytes above ASCII.
    let forwarded = http::HeaderValue::from_bytes(b"a\t\"\\\xc2\x85b").unwrap();
    headers.insert("x-forwarded-for", forwarded);
    let ended = refused(&uri, &headers);
    let rules = Rules::new(None);
    let fields = Fields::new(&ended, 7, &rules);
    let mut line = Vec::new();
    clf::write(&mut line, &fields, false);
    let line = String::from_utf8(line).unwrap();
    assert!(line.starts_with("a\\t\\\"\\\\\\u0085b - - ["), "{line}");
}
