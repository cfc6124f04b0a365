//! Settings from the plain objects that `lib/pg/settings/settings.js` makes.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use napi::bindgen_prelude::*;
use tokio_postgres::Config;
use tokio_postgres::config::{ChannelBinding, SslNegotiation};

use crate::config::{
    ClientIdentity, PoolMode, PoolSettings, ProjectSettings, RequiredAuth, ServerSettings, SessionTarget, Sharing,
    TlsSettings, TlsVersion,
};

/// The most queries that share a connection, unless the caller says otherwise: see docs/decisions/0024.
const PIPELINE_DEPTH: u32 = 256;

/// Reads the settings of a server.
pub(super) fn server(object: &Object<'_>) -> Result<ServerSettings> {
    let mut server = Config::new();
    for host in object.get::<Vec<Object<'_>>>("hosts")?.unwrap_or_default() {
        let name = host.get::<String>("host")?.unwrap_or_default();
        let port = host.get::<u32>("port")?.and_then(|port| u16::try_from(port).ok());
        server.host(name).port(port.ok_or_else(|| invalid("a port must be a number from 1 to 65535"))?);
    }
    server.user(text(object, "user")?.unwrap_or_default());
    if let Some(database) = text(object, "database")? {
        server.dbname(database);
    }
    if let Some(password) = text(object, "password")? {
        server.password(password);
    }
    server.channel_binding(match text(object, "channelBinding")?.as_deref() {
        Some("disable") => ChannelBinding::Disable,
        Some("require") => ChannelBinding::Require,
        _ => ChannelBinding::Prefer,
    });
    let tls = match object.get::<Either<Object<'_>, Null>>("ssl")? {
        Some(Either::A(ssl)) => {
            if text(&ssl, "negotiation")?.as_deref() == Some("direct") {
                server.ssl_negotiation(SslNegotiation::Direct);
            }
            Some(tls(&ssl)?)
        }
        _ => None,
    };
    let keepalive = flag(object, "keepAlive")?.then(|| keepalive_delay(object)).transpose()?;
    Ok(ServerSettings {
        server,
        project: project(object)?,
        session: session(text(object, "targetSessionAttrs")?.as_deref()),
        by_ref: flag(object, "byRef")?,
        tls,
        startup: startup(object)?,
        asks_for_password: flag(object, "passwordProvider")?,
        pool_mode: pool_mode(text(object, "poolMode")?.as_deref()),
        auto_prepare: flag(object, "autoPrepare")?,
        busy_wait: flag(object, "busyWait")?,
        required_auth: required_auth(object)?,
        scram_max_iterations: object.get::<Either<f64, Null>>("scramMaxIterations")?.and_then(|most| match most {
            Either::A(most) => Some(at_least(most)),
            Either::B(_) => None,
        }),
        connect_timeout: limit(object, "connectTimeoutMillis", MILLI)?,
        keepalive,
    })
}

/// Reads the limits of a pool with connections to `server`.
pub(super) fn pool(object: &Object<'_>, server: &ServerSettings) -> Result<PoolSettings> {
    let count = |name: &str| -> Result<Option<f64>> { Ok(object.get::<f64>(name)?.filter(|count| *count > 0.0)) };
    let bound = |name: &str| -> Result<Option<u32>> { Ok(count(name)?.filter(|count| count.is_finite()).map(at_most)) };
    Ok(PoolSettings {
        max: count("max")?.map_or(10, at_most) as usize,
        min: count("min")?.map_or(0, at_least) as usize,
        idle_timeout: limit(object, "idleTimeoutMillis", MILLI)?,
        wait_timeout: limit(object, "connectionTimeoutMillis", MILLI)?,
        max_uses: bound("maxUses")?.map(u64::from),
        max_lifetime: limit(object, "maxLifetimeSeconds", 1.0)?,
        max_waiting: bound("maxWaiting")?.map(|waiting| waiting as usize),
        shared: object.get::<bool>("shared")?.unwrap_or(false),
        pipeline_depth: count("pipelineDepth")?.map_or(PIPELINE_DEPTH, at_most) as usize,
        sharing: match text(object, "sharing")?.as_deref() {
            Some("reads") => Sharing::Reads,
            Some("all") => Sharing::All,
            Some("none") => Sharing::None,
            _ if server.pool_mode == Some(PoolMode::Transaction) => Sharing::None,
            _ => Sharing::by_ports(server.server.get_ports()),
        },
    })
}

fn project(object: &Object<'_>) -> Result<Option<ProjectSettings>> {
    let Some(Either::A(project)) = object.get::<Either<Object<'_>, Null>>("project")? else { return Ok(None) };
    Ok(Some(ProjectSettings {
        reference: text(&project, "ref")?.unwrap_or_default(),
        region: text(&project, "region")?,
        cluster: text(&project, "cluster")?,
        prefers_direct: flag(&project, "prefersDirect")?,
    }))
}

fn tls(ssl: &Object<'_>) -> Result<TlsSettings> {
    let pem = text(ssl, "cert")?.zip(text(ssl, "key")?).map(|(chain, key)| ClientIdentity::Pem { chain, key });
    let archive = match ssl.get::<Either<Buffer, Null>>("pfx")? {
        Some(Either::A(der)) => {
            let passphrase = text(ssl, "passphrase")?.unwrap_or_default();
            Some(ClientIdentity::Archive { der: der.to_vec(), passphrase })
        }
        _ => None,
    };
    let own_roots = flag(ssl, "hasOwnRoots")?;
    let roots = texts(ssl, "ca")?.map(|roots| if own_roots { roots.into() } else { shared(roots) });
    Ok(TlsSettings {
        verify: flag(ssl, "rejectUnauthorized")?,
        verify_name: flag(ssl, "checkServerIdentity")?,
        identity_check: text(ssl, "identityCheck")?,
        roots,
        own_roots,
        identity: pem.or(archive),
        server_name: text(ssl, "servername")?,
        oldest: version(text(ssl, "minVersion")?.as_deref()),
        newest: version(text(ssl, "maxVersion")?.as_deref()),
        ciphers: text(ssl, "ciphers")?,
        suites: text(ssl, "cipherSuites")?,
        signatures: text(ssl, "sigalgs")?,
        groups: text(ssl, "ecdhCurve")?,
        options: ssl.get::<f64>("secureOptions")?.map_or(0, |bits| bits.max(0.0) as u64),
        protocols: texts(ssl, "ALPNProtocols")?.unwrap_or_default(),
        partial_chain: flag(ssl, "allowPartialTrustChain")?,
        least_dh_bits: ssl.get::<f64>("minDHSize")?.map_or(0, at_least),
    })
}

/// Node's own roots, which are the same each time, once for all settings that have them.
fn shared(roots: Vec<String>) -> Arc<[String]> {
    static LAST: Mutex<Option<Weak<[String]>>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let known = last.as_ref().and_then(Weak::upgrade).filter(|known| **known == *roots);
    known.unwrap_or_else(|| {
        let roots = roots.into();
        *last = Some(Arc::downgrade(&roots));
        roots
    })
}

fn version(name: Option<&str>) -> Option<TlsVersion> {
    match name {
        Some("TLSv1") => Some(TlsVersion::V1_0),
        Some("TLSv1.1") => Some(TlsVersion::V1_1),
        Some("TLSv1.2") => Some(TlsVersion::V1_2),
        Some("TLSv1.3") => Some(TlsVersion::V1_3),
        _ => None,
    }
}

fn required_auth(object: &Object<'_>) -> Result<Option<RequiredAuth>> {
    let given = text(object, "requireAuth")?;
    Ok(given.zip(texts(object, "allowedAuth")?).map(|(text, allowed)| RequiredAuth { text, allowed }))
}

fn session(target: Option<&str>) -> SessionTarget {
    match target {
        Some("read-write") => SessionTarget::ReadWrite,
        Some("read-only") => SessionTarget::ReadOnly,
        Some("primary") => SessionTarget::Primary,
        Some("standby") => SessionTarget::Standby,
        Some("prefer-standby") => SessionTarget::PreferStandby,
        _ => SessionTarget::Any,
    }
}

fn pool_mode(name: Option<&str>) -> Option<PoolMode> {
    match name {
        Some("session") => Some(PoolMode::Session),
        Some("transaction") => Some(PoolMode::Transaction),
        _ => None,
    }
}

fn startup(object: &Object<'_>) -> Result<Vec<(String, String)>> {
    let pairs = object.get::<Vec<Vec<String>>>("startup")?.unwrap_or_default();
    Ok(pairs.into_iter().filter_map(|pair| <[String; 2]>::try_from(pair).ok()).map(Into::into).collect())
}

fn text(object: &Object<'_>, name: &str) -> Result<Option<String>> {
    match object.get::<Either<String, Null>>(name)? {
        Some(Either::A(text)) => Ok(Some(text)),
        _ => Ok(None),
    }
}

fn texts(object: &Object<'_>, name: &str) -> Result<Option<Vec<String>>> {
    match object.get::<Either<Vec<String>, Null>>(name)? {
        Some(Either::A(texts)) => Ok(Some(texts)),
        _ => Ok(None),
    }
}

fn flag(object: &Object<'_>, name: &str) -> Result<bool> {
    Ok(object.get::<bool>(name)?.unwrap_or(false))
}

/// How long a connection is silent before the system asks whether its other side is there; zero leaves that to the
/// system. The system counts whole seconds, and no more of them than this.
fn keepalive_delay(object: &Object<'_>) -> Result<Duration> {
    const MOST_SECONDS: f64 = 32_767.0;
    let seconds = object.get::<f64>("keepAliveInitialDelayMillis")?.unwrap_or(0.0) * MILLI;
    Ok(Duration::from_secs_f64(seconds.ceil().clamp(0.0, MOST_SECONDS)))
}

/// In seconds.
const MILLI: f64 = 0.001;

/// No program waits longer, and no clock overflows with it.
pub(super) const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// A time limit in a unit of so many seconds; 0, Infinity and anything beyond a lifetime set none.
fn limit(object: &Object<'_>, name: &str, unit: f64) -> Result<Option<Duration>> {
    let time = object.get::<f64>(name)?.filter(|time| *time > 0.0);
    Ok(time.and_then(|time| Duration::try_from_secs_f64(time * unit).ok()).filter(|limit| *limit < CENTURY))
}

/// What a count reaches first when it is no longer below this number.
fn at_most(number: f64) -> u32 {
    at_least(number.ceil())
}

/// The last count that isn't above this number.
fn at_least(number: f64) -> u32 {
    number.clamp(0.0, f64::from(u32::MAX)) as u32
}

fn invalid(message: &str) -> Error {
    Error::new(Status::InvalidArg, message)
}
