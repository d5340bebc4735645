//! The network between server and database, and what may befall it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};
use url::Url;

/// How the network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Everything passes.
    Fair,
    /// Nothing passes until it is fair again; then all of it does.
    Stalled,
    /// Everything passes until these words come by: with them it stalls.
    StallingAt(&'static str),
    /// What is sent is swallowed, and the connection stays silent for ever, as behind a router that forgot it.
    Swallowing,
    /// The same, of what the database says alone: it hears and does what it is told.
    SwallowingAnswers,
}

/// A proxy on the loopback before the database. It ends with the value.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    cuts: watch::Sender<()>,
    hit: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Starts one before the database at `url`, and says where that is found now.
    ///
    /// # Panics
    ///
    /// Where that is no address on the loopback, or it does not start.
    pub async fn before(url: &str) -> (Self, String) {
        let mut url: Url = url.parse().expect("an address");
        let port = url.port().expect("a port");
        let proxy = Self::start(SocketAddr::from(([127, 0, 0, 1], port))).await;
        url.set_port(Some(proxy.address.port())).expect("a port");
        (proxy, url.into())
    }

    async fn start(database: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (weather, cuts, hit) = (watch::Sender::new(Weather::Fair), watch::Sender::new(()), Arc::default());
        let way = Way { weather: weather.clone(), cuts: cuts.subscribe(), hit: Arc::clone(&hit) };
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A database that is away closes the connection.
                if let Ok(server) = TcpStream::connect(database).await {
                    tokio::spawn(way.clone().join(client, server));
                }
            }
        });
        Self { address, weather, cuts, hit, accepting }
    }

    /// From now on, the network is like that.
    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// Cuts all connections, whatever is under way.
    pub fn cut(&self) {
        self.cuts.send_replace(());
    }

    /// How many connections were cut, and how many pieces of traffic kept back or swallowed.
    #[must_use]
    pub fn hit(&self) -> usize {
        self.hit.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

/// What a connection knows of the network.
#[derive(Debug, Clone)]
struct Way {
    weather: watch::Sender<Weather>,
    cuts: watch::Receiver<()>,
    hit: Arc<AtomicUsize>,
}

impl Way {
    async fn join(self, client: TcpStream, server: TcpStream) {
        let mut cuts = self.cuts.clone();
        cuts.mark_unchanged();
        for socket in [&client, &server] {
            socket.set_nodelay(true).expect("a socket");
        }
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        let (there, back) = (self.clone(), self.clone());
        let passed = async {
            tokio::select! {
                () = there.pass(from_client, to_server, &[Weather::Swallowing]) => {}
                () = back.pass(from_server, to_client, &[Weather::Swallowing, Weather::SwallowingAnswers]) => {}
            }
        };
        tokio::select! {
            () = passed => {}
            _ = cuts.changed() => { self.hit.fetch_add(1, Ordering::SeqCst); }
        }
    }

    /// Passes on what comes, until one side closes.
    async fn pass(self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf, swallowing: &[Weather]) {
        let (mut bytes, mut is_silent) = (vec![0; 16 * 1024], false);
        while let Ok(length @ 1..) = from.read(&mut bytes).await {
            let mut weather = *self.weather.borrow();
            if let Weather::StallingAt(words) = weather
                && bytes[..length].windows(words.len()).any(|passing| passing == words.as_bytes())
            {
                weather = Weather::Stalled;
                self.weather.send_replace(weather);
            }
            is_silent |= swallowing.contains(&weather);
            if is_silent || weather == Weather::Stalled {
                self.hit.fetch_add(1, Ordering::SeqCst);
            }
            if is_silent {
                continue;
            }
            let passes = self.weather.subscribe().wait_for(|weather| *weather != Weather::Stalled).await.is_ok();
            if !passes || to.write_all(&bytes[..length]).await.is_err() {
                return;
            }
        }
    }
}
