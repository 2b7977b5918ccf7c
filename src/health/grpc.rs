//! The gRPC health protocol (grpc.health.v1.Health/Check), for the whole server: service name "".

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use pingora::Error;
use pingora::connectors::http::Connector;
use pingora::http::RequestHeader;
use pingora::protocols::http::client::HttpSession;
use pingora::upstreams::peer::HttpPeer;

use crate::dial::Dialer;

/// An empty `HealthCheckRequest`: not compressed, length 0.
const EMPTY_MESSAGE: &[u8] = &[0, 0, 0, 0, 0];
/// `HealthCheckResponse { status: SERVING }`: field 1, varint 1, behind the five bytes of framing.
const SERVING: &[u8] = &[0, 0, 0, 0, 2, 0x08, 0x01];
/// Longer answers are none of this protocol.
const MAX_ANSWER: usize = 1024;

/// Asks once; an error says why the server is not serving.
pub(super) async fn ask(
    connector: &Connector<Dialer>,
    peer: &HttpPeer,
    authority: &str,
) -> Result<(), String> {
    let words = |error: Box<Error>| error.to_string();
    let (session, _) = connector.get_http_session(peer).await.map_err(words)?;
    let HttpSession::H2(mut session) = session else {
        return Err("server or transport do not speak HTTP/2".to_owned());
    };
    let request = request(authority).map_err(words)?;
    session
        .write_request_header(Box::new(request), false)
        .map_err(words)?;
    let message = Bytes::from_static(EMPTY_MESSAGE);
    session.write_request_body(message, true).await.map_err(words)?;
    session.read_response_header().await.map_err(words)?;
    let response = session.response_header().ok_or("no response header")?;
    if response.status != 200 {
        return Err(format!("received status {}", response.status.as_u16()));
    }
    check_status(&response.headers)?;
    let mut answer = Vec::new();
    while let Some(part) = session.read_response_body().await.map_err(words)? {
        answer.extend_from_slice(&part);
        if answer.len() > MAX_ANSWER {
            return Err("the answer is too long".to_owned());
        }
    }
    if let Some(trailers) = session.read_trailers().await.map_err(words)? {
        check_status(&trailers)?;
    }
    if answer == SERVING {
        Ok(())
    } else {
        Err("the server says that it is not serving".to_owned())
    }
}

fn request(authority: &str) -> Result<RequestHeader, Box<Error>> {
    let mut request = RequestHeader::build("POST", b"/grpc.health.v1.Health/Check", Some(4))?;
    request.insert_header(header::HOST, authority)?;
    request.insert_header(header::CONTENT_TYPE, "application/grpc")?;
    request.insert_header(header::TE, "trailers")?;
    Ok(request)
}

/// `grpc-status`, in the header of a refusal or in the trailers; absent so far is fine.
fn check_status(fields: &HeaderMap) -> Result<(), String> {
    match fields.get("grpc-status").map(HeaderValue::as_bytes) {
        None | Some(b"0") => Ok(()),
        Some(b"12") => Err("the server does not implement grpc.health.v1.Health".to_owned()),
        Some(code) => Err(format!("grpc-status {}", String::from_utf8_lossy(code))),
    }
}
