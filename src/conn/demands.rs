//! The program's requirements for authentication. Rules and texts are libpq's (`check_expected_areq`): what doesn't fit
//! is refused before anything that helps to find out the password is sent.

use tokio_postgres::config::ChannelBinding;

use super::auth::Challenge;
use crate::config::RequiredAuth;
use crate::error::{Error, ErrorKind, texts};

/// `channel_binding` and `require_auth`.
pub struct Demands<'a> {
    /// Whether the exchange has to be tied to the TLS session.
    pub binding: ChannelBinding,
    /// The allowed methods, if not all are.
    pub methods: Option<&'a RequiredAuth>,
}

/// How far an exchange has come.
#[derive(Clone, Copy, Default)]
pub struct Progress {
    /// The client has done all that was asked of it.
    pub finished: bool,
    /// The server has proved that it is the other end of the TLS session.
    pub bound: bool,
}

impl Demands<'_> {
    /// Whether the client may go on.
    ///
    /// # Errors
    /// `Auth`, which says what was demanded and what came.
    pub fn check(&self, challenge: &Challenge<'_>, progress: Progress) -> Result<(), Error> {
        self.check_method(challenge, progress.finished)?;
        if self.binding != ChannelBinding::Require {
            return Ok(());
        }
        match challenge {
            Challenge::Sasl(_) | Challenge::SaslContinue(_) | Challenge::SaslFinal(_) => Ok(()),
            Challenge::Ok if progress.bound => Ok(()),
            Challenge::Ok => Err(refused(texts::BINDING_LEFT_OUT)),
            Challenge::Cleartext | Challenge::Md5(_) => Err(refused(texts::BINDING_UNSUPPORTED)),
        }
    }

    fn check_method(&self, challenge: &Challenge<'_>, finished: bool) -> Result<(), Error> {
        let Some(methods) = self.methods else { return Ok(()) };
        let (method, request) = match challenge {
            Challenge::Ok if finished => return Ok(()),
            Challenge::Ok => ("none", texts::UNFINISHED_REQUEST),
            Challenge::Cleartext => ("password", texts::CLEARTEXT_REQUEST),
            Challenge::Md5(_) => ("md5", texts::HASH_REQUEST),
            _ => ("scram-sha-256", texts::SASL_REQUEST),
        };
        if methods.allows(method) {
            return Ok(());
        }
        Err(refused(texts::method_refused(&methods.text, request)))
    }
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Auth, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINISHED: Progress = Progress { finished: true, bound: false };

    fn message(demands: &Demands<'_>, challenge: &Challenge<'_>, progress: Progress) -> Option<String> {
        demands.check(challenge, progress).err().map(|error| error.message)
    }

    #[test]
    fn required_binding_takes_sasl_alone_and_only_when_it_was_bound() {
        let demands = Demands { binding: ChannelBinding::Require, methods: None };
        for challenge in [Challenge::Cleartext, Challenge::Md5([0; 4])] {
            let refusal = message(&demands, &challenge, Progress::default()).unwrap();
            assert_eq!(refusal, "channel binding required but not supported by server's authentication request");
        }
        for progress in [Progress::default(), FINISHED] {
            let refusal = message(&demands, &Challenge::Ok, progress).unwrap();
            assert!(refusal.ends_with("server authenticated client without channel binding"));
        }
        assert!(demands.check(&Challenge::Sasl(Vec::new()), Progress::default()).is_ok());
        assert!(demands.check(&Challenge::Ok, Progress { finished: true, bound: true }).is_ok());
    }

    #[test]
    fn only_the_listed_methods_go_on_and_none_is_one_of_them() {
        let methods = RequiredAuth { text: "scram-sha-256".into(), allowed: vec!["scram-sha-256".into()] };
        let demands = Demands { binding: ChannelBinding::Prefer, methods: Some(&methods) };
        let refusal = |challenge, progress| message(&demands, &challenge, progress);
        let words =
            |request: &str| Some(format!("authentication method requirement \"scram-sha-256\" failed: {request}"));
        let new = Progress::default();
        assert_eq!(refusal(Challenge::Cleartext, new), words("server requested a cleartext password"));
        assert_eq!(refusal(Challenge::Md5([0; 4]), new), words("server requested a hashed password"));
        assert_eq!(refusal(Challenge::Ok, new), words("server did not complete authentication"));
        assert_eq!(refusal(Challenge::Sasl(Vec::new()), new), None);
        assert_eq!(refusal(Challenge::Ok, FINISHED), None);
        let none = RequiredAuth { text: "none".into(), allowed: vec!["none".into()] };
        let demands = Demands { binding: ChannelBinding::Prefer, methods: Some(&none) };
        assert_eq!(message(&demands, &Challenge::Ok, new), None);
        assert!(
            message(&demands, &Challenge::Sasl(Vec::new()), new).unwrap().ends_with("requested SASL authentication")
        );
    }
}
