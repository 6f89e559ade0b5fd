//! Connections: how many, how long, and how they end.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::time::{Instant, Sleep, sleep};

use super::App;

/// How long it is waited after a connection could not be accepted, such as for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(50);

/// A server that listens.
pub struct Listening {
    listener: TcpListener,
    /// Where.
    pub address: SocketAddr,
}

/// Listens at an address. Nothing is answered until [`Listening::serve`].
///
/// # Errors
/// An address that is taken, or is none of this machine.
pub async fn listen(address: SocketAddr) -> io::Result<Listening> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok(Listening { listener, address })
}

impl Listening {
    /// Answers until `end` comes, and then no new request; returns when all that were under way are answered.
    pub async fn serve(self, app: Arc<App>, end: oneshot::Receiver<()>) {
        let limits = app.limits;
        let router = app.router();
        let places = Arc::new(Semaphore::new(limits.connections));
        let (ending, is_ending) = watch::channel(false);
        let accept = async {
            loop {
                // A semaphore that nobody closes.
                let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
                let stream = match self.listener.accept().await {
                    Ok((stream, _)) => stream,
                    Err(_) => {
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    }
                };
                // Pieces of a stream are small, and each is waited for.
                let _ = stream.set_nodelay(true);
                let service = TowerToHyperService::new(router.clone());
                let mut is_ending = is_ending.clone();
                let metrics = Arc::clone(app.engine.metrics());
                tokio::spawn(async move {
                    metrics.connections.add(1);
                    let io = TokioIo::new(Patient::new(stream, limits.write_time));
                    let connection = http1::Builder::new()
                        .timer(TokioTimer::new())
                        .header_read_timeout(limits.head_time)
                        .max_buf_size(limits.head_bytes)
                        .serve_connection(io, service);
                    let mut connection = std::pin::pin!(connection);
                    // What goes wrong with a connection is the client's matter, who is told or has gone.
                    let is_over = tokio::select! {
                        _ = connection.as_mut() => true,
                        _ = is_ending.wait_for(|is_ending| *is_ending) => false,
                    };
                    if !is_over {
                        connection.as_mut().graceful_shutdown();
                        let _ = connection.await;
                    }
                    metrics.connections.sub(1);
                    drop(place);
                });
            }
        };
        tokio::select! {
            () = accept => {}
            _ = end => {}
        }
        app.is_ending.store(true, Ordering::Relaxed);
        drop(self.listener);
        // Nobody may be there to hear it.
        let _ = ending.send(true);
        drop(is_ending);
        ending.closed().await;
    }
}

/// A connection that is given up when nothing could be written for some time.
struct Patient {
    stream: TcpStream,
    patience: Duration,
    /// Since a write began to wait.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    fn new(stream: TcpStream, patience: Duration) -> Self {
        Self { stream, patience, waiting: None }
    }

    /// The result of a write; an error if it has waited too long.
    fn wait<T>(&mut self, context: &mut Context<'_>, result: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if result.is_ready() {
            self.waiting = None;
            return result;
        }
        let until = Instant::now() + self.patience;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(until - Instant::now())));
        match waiting.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wait(context, result)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(context);
        self.wait(context, result)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(context);
        self.wait(context, result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        self.wait(context, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
