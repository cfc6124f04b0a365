//! Alerts by which a server complains of the client's certificate.

/// As OpenSSL numbers them (1000 and the number of RFC 8446, section 6), with Node's codes.
const ALERTS: [(i32, &str); 7] = [
    (1042, "ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE"),
    (1043, "ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE"),
    (1044, "ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED"),
    (1045, "ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED"),
    (1046, "ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN"),
    (1048, "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"),
    (1116, "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED"),
];

/// Whether this is the code of such an alert.
pub fn is_alert(code: &str) -> bool {
    ALERTS.iter().any(|(_, known)| *known == code)
}

/// The number of an error of OpenSSL's.
#[cfg(not(any(windows, target_vendor = "apple", feature = "platform-tls")))]
pub(super) fn reason(error: &openssl::ssl::Error) -> Option<i32> {
    error.ssl_error()?.errors().first().map(openssl::error::Error::reason_code)
}

/// Node's code for an alert.
#[cfg(not(any(windows, target_vendor = "apple", feature = "platform-tls")))]
pub(super) fn code_of(reason: i32) -> Option<&'static str> {
    ALERTS.iter().find(|(number, _)| *number == reason).map(|(_, code)| *code)
}

/// Node's code for an alert that came behind the handshake: in TLS 1.3 the client is done before the server has looked at
/// the client's certificate.
#[cfg(not(any(windows, target_vendor = "apple", feature = "platform-tls")))]
pub(super) fn code(error: &std::io::Error) -> Option<&'static str> {
    code_of(reason(error.get_ref()?.downcast_ref()?)?)
}

/// Node's code for an alert, which the libraries of the platforms have as a text alone.
#[cfg(any(windows, target_vendor = "apple", feature = "platform-tls"))]
pub(super) fn code(_: &std::io::Error) -> Option<&'static str> {
    None
}
