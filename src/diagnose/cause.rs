//! The causes of a failed connection, and findings of one that works.

/// Declares [`Cause`] with the word of each that reaches JavaScript.
macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)+) => {
        /// Why a connection fails, or what is to be said of one that works.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Cause { $($(#[$doc])* $name,)+ }

        impl Cause {
            /// All of them, in the order in which a connection meets them.
            pub const ALL: &[Cause] = &[$(Cause::$name,)+];

            /// The word that reaches JavaScript as `cause`.
            pub fn code(self) -> &'static str {
                match self { $(Cause::$name => $code,)+ }
            }
        }
    };
}

causes! {
    /// A reserved character stands in a URL as it is.
    UrlNotEncoded = "url-not-encoded",
    /// Words of a template were never replaced.
    Placeholder = "placeholder",
    /// A value is empty, in quotes, or has blanks or a line break at an end.
    StrayCharacters = "stray-characters",
    /// The address of a project's API in the place of its database's.
    ApiHost = "api-host",
    /// A key of a project's API, or a personal access token, in the place of the password.
    ApiKeyAsPassword = "api-key-as-password",
    /// `sslmode` and `ssl` say different things.
    SslmodeConflict = "sslmode-conflict",
    /// A file of certificates can't be read, or has none in it.
    CaFile = "ca-file",
    /// The way to the server is the program's own, which can't be looked at.
    OwnWay = "own-way",
    /// Anything else that a configuration can't say.
    Configuration = "configuration",
    /// The password's function, file, variable or command gives none.
    PasswordSource = "password-source",
    /// There is no such name.
    HostNotFound = "host-not-found",
    /// No name can be looked up.
    ResolverDown = "resolver-down",
    /// The host has no IPv4 address, and this network no IPv6.
    Ipv6Only = "ipv6-only",
    /// The name leads to an address that can't be the server's.
    Sinkhole = "sinkhole",
    /// Nothing listens.
    Refused = "refused",
    /// The machine shuts this address out.
    Fail2ban = "fail2ban",
    /// Packets get no answer.
    Filtered = "filtered",
    /// No way leads to the address.
    Unreachable = "unreachable",
    /// The file of a Unix socket isn't there, or may not be used.
    SocketFile = "socket-file",
    /// The connection is taken and nothing is said on it.
    SilentServer = "silent-server",
    /// It is taken and closed.
    ClosesAtOnce = "closes-at-once",
    /// The server speaks HTTP.
    HttpServer = "http-server",
    /// The server speaks another protocol.
    OtherProtocol = "other-protocol",
    /// The port begins with TLS.
    DirectTlsOnly = "direct-tls-only",
    /// The server has no TLS.
    TlsNotOffered = "tls-not-offered",
    /// Bytes came before TLS began.
    PlaintextBeforeTls = "plaintext-before-tls",
    /// The two sides have no version of TLS in common.
    TlsVersion = "tls-version",
    /// TLS fails in another way.
    TlsFailed = "tls-failed",
    /// Another authority than the host's own has signed the certificate.
    Intercepted = "intercepted",
    /// The server's certificate is signed by itself.
    SelfSigned = "self-signed",
    /// Its authority isn't trusted.
    RootNotTrusted = "root-not-trusted",
    /// The certificate has expired.
    CertificateExpired = "certificate-expired",
    /// It isn't valid yet.
    CertificateNotYetValid = "certificate-not-yet-valid",
    /// It is for another name.
    CertificateName = "certificate-name",
    /// The server wants TLS.
    TlsRequired = "tls-required",
    /// It wants a certificate of the client's.
    ClientCertificate = "client-certificate",
    /// Another cluster has the project.
    WrongCluster = "wrong-cluster",
    /// No cluster has it.
    ProjectNotFound = "project-not-found",
    /// The user doesn't name its project.
    UserWithoutRef = "user-without-ref",
    /// The user names its project where none is expected.
    UserWithRef = "user-with-ref",
    /// The pooler finds no such role.
    RoleNotFound = "role-not-found",
    /// The pooler takes no login after too many wrong passwords.
    BreakerAuthentication = "breaker-authentication",
    /// The pooler takes none since it can't look up passwords.
    BreakerCredentials = "breaker-credentials",
    /// The project takes connections with TLS alone.
    SslEnforced = "ssl-enforced",
    /// The project doesn't let this address in.
    AddressNotAllowed = "address-not-allowed",
    /// All connections of session mode are in use.
    SessionSlotsFull = "session-slots-full",
    /// The pooler has its number of clients.
    ClientLimit = "client-limit",
    /// The pooler has no server connection free.
    NoFreeBackend = "no-free-backend",
    /// The pooler doesn't reach the database.
    PoolerCannotReachDatabase = "pooler-cannot-reach-database",
    /// The pooler refuses for a reason of its own.
    PoolerRefusal = "pooler-refusal",
    /// The password is wrong, or something that looks the same from here.
    WrongPassword = "wrong-password",
    /// There is none, and the server wants one.
    PasswordMissing = "password-missing",
    /// The role may not log in.
    NoLogin = "no-login",
    /// `pg_hba.conf` has no place for this connection.
    Hba = "hba",
    /// The server wants a login that isn't spoken here.
    AuthMethod = "auth-method",
    /// Channel binding is required and not to be had.
    ChannelBinding = "channel-binding",
    /// There is no such database.
    DatabaseNotFound = "database-not-found",
    /// The role may not connect to it.
    ConnectRevoked = "connect-revoked",
    /// It takes no connections.
    DatabaseClosed = "database-closed",
    /// The server has all the connections that it may have.
    ServerFull = "server-full",
    /// The role or the database has.
    ConnectionLimit = "connection-limit",
    /// The server is starting, stopping or recovering.
    NotReady = "not-ready",
    /// It doesn't take a startup parameter.
    StartupParameter = "startup-parameter",
    /// The pooler doesn't take it.
    PoolerParameter = "pooler-parameter",
    /// The pooler doesn't let this user, database or password in.
    PoolerLogin = "pooler-login",
    /// The pooler has no server.
    PoolerBackendDown = "pooler-backend-down",
    /// The server has no disk or memory left.
    OutOfResources = "out-of-resources",
    /// The server refuses for a reason that isn't known here.
    ServerRefusal = "server-refusal",
    /// The time was over.
    TimedOut = "timed-out",
    /// The password was left untried.
    NotTried = "not-tried",
    /// A standby.
    Standby = "standby",
    /// Transactions are read-only by a setting.
    ReadOnly = "read-only",
    /// The server is older than what is supported, or says so.
    ServerTooOld = "server-too-old",
    /// The role can't create anything in the schema.
    NoCreateRight = "no-create-right",
    /// A schema of `search_path` isn't there.
    SearchPath = "search-path",
    /// A pooler gives each transaction another session.
    TransactionMode = "transaction-mode",
    /// A startup parameter didn't arrive.
    ParameterDropped = "parameter-dropped",
    /// An address of the host isn't reached, and another one is.
    Ipv6BlackHole = "ipv6-black-hole",
    /// Idle connections get lost.
    IdleCut = "idle-cut",
    /// Nothing is wrong.
    Ok = "ok",
}
