//! How to speak TLS.

use std::sync::Arc;

/// Two connections with equal settings share a prepared TLS connector.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// Refuse certificates that are not trusted or not for this server.
    pub verify: bool,
    /// Check that the certificate is for this server, when `verify` is set.
    pub verify_name: bool,
    /// The program's own check of each certificate; the text identifies the function.
    pub identity_check: Option<String>,
    /// Trusted roots in PEM, in place of the built-in ones. Shared by all copies of the settings: Node's own roots take
    /// some hundred kilobytes.
    pub roots: Option<Arc<[String]>>,
    /// The caller has given `roots`, and trusts no other.
    pub own_roots: bool,
    /// The client's own certificate.
    pub identity: Option<ClientIdentity>,
    /// Name to ask for and to check, in place of the host.
    pub server_name: Option<String>,
    /// The oldest allowed version; `None` leaves it to the library.
    pub oldest: Option<TlsVersion>,
    /// The newest allowed version; `None` leaves it to the library.
    pub newest: Option<TlsVersion>,
    /// Cipher suites up to TLS 1.2, in OpenSSL's words.
    pub ciphers: Option<String>,
    /// Cipher suites of TLS 1.3, in OpenSSL's words.
    pub suites: Option<String>,
    /// Signature algorithms, in OpenSSL's words.
    pub signatures: Option<String>,
    /// Groups for the key exchange, in OpenSSL's words.
    pub groups: Option<String>,
    /// OpenSSL's `SSL_OP_*` bits.
    pub options: u64,
    /// Protocols to offer by ALPN.
    pub protocols: Vec<String>,
    /// Any certificate of `roots` ends a chain, not only one that is signed by itself.
    pub partial_chain: bool,
    /// The smallest allowed Diffie-Hellman parameter, in bits; 0 takes any.
    pub least_dh_bits: u32,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsVersion {
    /// 1.0
    V1_0,
    /// 1.1
    V1_1,
    /// 1.2
    V1_2,
    /// 1.3
    V1_3,
}

/// A certificate with its chain, and its key.
#[derive(Clone, PartialEq, Eq)]
pub enum ClientIdentity {
    /// Two PEM texts; the key is PKCS #8 or of a traditional form.
    Pem {
        /// The certificate, and those above it.
        chain: String,
        /// Its key.
        key: String,
    },
    /// A PKCS #12 archive.
    Archive {
        /// Its bytes.
        der: Vec<u8>,
        /// What it is encrypted with.
        passphrase: String,
    },
}

impl TlsSettings {
    /// Whether the server is known to be the one that was meant: by its certificate's chain and name, or by the
    /// program's own check in place of the name.
    pub fn verifies(&self) -> bool {
        self.verify && (self.verify_name || self.identity_check.is_some())
    }
}

impl std::fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsSettings")
            .field("verify", &self.verify)
            .field("server_name", &self.server_name)
            .field("identity", &self.identity.as_ref().map(|_| "_"))
            .finish_non_exhaustive()
    }
}
