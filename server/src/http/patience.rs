//! A connection on which nothing ever comes is closed.

use core::{future::Future, pin::Pin, time::Duration};
use std::io;

use axum_server::accept::Accept;
use tokio::{net::TcpStream, time::timeout};

/// Waits so long for a connection's first byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience(pub Duration);

impl<S: Send + 'static> Accept<TcpStream, S> for Patience {
    type Stream = TcpStream;
    type Service = S;
    type Future = Pin<Box<dyn Future<Output = io::Result<(TcpStream, S)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let patience = self.0;
        Box::pin(async move {
            // Answers go out as they are, not when there is more.
            stream.set_nodelay(true)?;
            timeout(patience, stream.peek(&mut [0])).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
            Ok((stream, service))
        })
    }
}
