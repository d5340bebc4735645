//! That a request says whom it is for.

use poem::{
    Request, Response,
    http::{StatusCode, Version, header::HOST},
};
use todo_api::{Problem, Unreadable};

use super::log::name_of;

/// The answer to a request that names no host, or several (RFC 9112, 3.2): a proxy before us may have taken it for
/// another's. HTTP/1.0 has none.
pub(super) fn refusal(request: &Request) -> Option<Response> {
    if request.version() != Version::HTTP_11 || request.headers().get_all(HOST).iter().count() == 1 {
        return None;
    }
    Some(Problem::from(Unreadable(StatusCode::BAD_REQUEST)).into_answer(name_of(request.data())))
}
