//! A server that says who it is and what it was sent.

use std::fmt::Write as _;

use async_trait::async_trait;
use http::{Response, header};
use pingora::apps::http_app::{HttpServer, ServeHttp};
use pingora::listeners::ListenerConfig;
use pingora::protocols::http::ServerSession;
use pingora::services::ServiceWithDependents;
use pingora::services::listening::Service;

use crate::listener::{Bound, Front};

struct Echo {
    name: String,
}

#[async_trait]
impl ServeHttp for Echo {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        let request = session.req_header();
        let mut body = format!("{}\n{} {}\n", self.name, request.method, request.uri);
        for (name, value) in &request.headers {
            // Writing into a String cannot fail.
            let _ = writeln!(body, "{name}: {}", String::from_utf8_lossy(value.as_bytes()));
        }
        let body = body.into_bytes();
        let mut response = Response::new(Vec::new());
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, body.len().into());
        headers.insert(
            header::CONTENT_TYPE,
            header::HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        *response.body_mut() = body;
        response
    }
}

/// The service of a demo server on a bound socket; `name` is the first line of its answers.
pub(super) fn service(name: String, socket: Bound) -> Box<dyn ServiceWithDependents> {
    let app = HttpServer::new_app(Echo { name });
    let mut service = Service::new("demo server".to_owned(), app);
    service.threads = Some(1);
    service.add_listener(ListenerConfig::tcp(&socket.key));
    Box::new(Front::new(service, vec![socket], Vec::new()))
}
