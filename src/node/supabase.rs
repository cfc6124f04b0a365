//! What is known about Supabase, for connections that JavaScript makes itself.

use napi_derive::napi;

use crate::error::{Error, ErrorKind, ServerError};
use crate::supabase::{self, ROOT, Way, names_project};

/// How such a connection goes to its server.
#[napi(object, object_to_js = false)]
pub(super) struct SupabaseWay {
    pub host: String,
    pub port: u16,
    pub user: String,
    /// Null where the port tells.
    pub pool_mode: Option<String>,
}

/// What is to be known of its error.
#[napi(object, object_to_js = false)]
pub(super) struct SupabaseFailure {
    /// Null where it isn't the server's.
    pub severity: Option<String>,
    pub code: Option<String>,
    pub message: String,
}

/// `SupabaseAdvice` of `index.d.ts`.
#[napi(object, object_from_js = false)]
pub(super) struct SupabaseAdvice {
    pub code: String,
    pub reaction: String,
    pub hint: String,
}

/// What the error means, if it means something.
#[napi(catch_unwind)]
pub(super) fn supabase_advice(way: SupabaseWay, failure: SupabaseFailure) -> Option<SupabaseAdvice> {
    let by_ref = names_project(&way.user, &[]);
    let mut known = Way { by_ref, ..Way::new(&way.host, way.port, &way.user) };
    if let Some(mode) = &way.pool_mode {
        known.transaction_mode = mode == "transaction";
    }
    let code = failure.code.unwrap_or_default();
    let error = match failure.severity {
        Some(severity) => {
            let fields = vec![(b'S', severity), (b'C', code), (b'M', failure.message)];
            Error::from_server(ServerError { length: 0, fields })
        }
        None => Error::new(ErrorKind::Io, failure.message).with_code(code),
    };
    let advice = supabase::advice(&known, &error)?;
    Some(SupabaseAdvice { code: advice.code.into(), reaction: advice.reaction.as_str().into(), hint: advice.hint })
}

/// The root that is trusted on the way to this host besides the usual ones, in PEM.
#[napi(catch_unwind)]
pub(super) fn further_root(host: String) -> Option<String> {
    Way::new(&host, 0, "").is_supabase().then(|| ROOT.into())
}
