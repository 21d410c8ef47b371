//! A login that renews itself.

use std::any::Any;
use std::sync::{Arc, Mutex};

use patronus_client::{Credential, Error, Login, LoginStore, Session};
use patronus_types::Timestamp;
use patronus_types::token::{Secret, TokenKind};

use crate::client;
use crate::fake::{Fake, Reply};

fn secret(byte: u8) -> Secret {
    Secret::new(TokenKind::Refresh, &[byte; 32])
}

/// A store that several sessions share, as a file would be.
struct Shared {
    login: Mutex<Login>,
    lock: Arc<tokio::sync::Mutex<()>>,
    full: bool,
}

impl LoginStore for Shared {
    fn lock(&self) -> Result<Box<dyn Any + Send>, String> {
        Ok(Box::new(self.lock.clone().blocking_lock_owned()))
    }

    fn load(&self) -> Result<Login, String> {
        Ok(self.login.lock().unwrap().clone())
    }

    fn save(&self, login: &Login) -> Result<(), String> {
        if self.full {
            return Err("no space left".to_owned());
        }
        *self.login.lock().unwrap() = login.clone();
        Ok(())
    }
}

fn store(access: &str, expires_at: Timestamp) -> Arc<Shared> {
    let login = Login { access_token: access.to_owned(), expires_at, refresh_token: secret(1) };
    Arc::new(Shared { login: Mutex::new(login), lock: Arc::default(), full: false })
}

/// Takes the access token `new`, and the refresh token 1 once.
fn server() -> Fake {
    let used = Mutex::new(false);
    Fake::new(move |request, _| match request.path() {
        "/v1/auth/refresh" if std::mem::replace(&mut *used.lock().unwrap(), true) => {
            Reply::problem("unauthenticated", 401, "reused")
        }
        "/v1/auth/refresh" => {
            let refresh = secret(2);
            Reply::json(
                200,
                &format!(
                    r#"{{"access_token": "new", "refresh_token": "{refresh}", "expires_in": 900, "token_type": "Bearer"}}"#
                ),
            )
        }
        _ if request.header("authorization") == "Bearer new" => Reply::json(200, "[]"),
        _ => Reply::problem("unauthenticated", 401, "no"),
    })
}

fn session(server: &Fake, store: &Arc<Shared>) -> patronus_client::Client {
    let client = client(&[&server.url]).build().unwrap();
    let session = Session::new(&client, store.clone());
    client.authenticated(Credential::Source(Arc::new(session)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_programs_renew_once() {
    let (server, store) = (server(), store("old", Timestamp::UNIX_EPOCH));
    let (one, two) = (session(&server, &store), session(&server, &store));
    let (first, second) = tokio::join!(one.networks().list().all(), two.networks().list().all());
    first.unwrap();
    second.unwrap();
    let renewals = server.requests().iter().filter(|request| request.path() == "/v1/auth/refresh").count();
    assert_eq!(renewals, 1);
    assert_eq!(store.load().unwrap().refresh_token, secret(2));
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let (server, store) = (server(), store("revoked", Timestamp::MAX));
    session(&server, &store).networks().list().all().await.unwrap();
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_store_that_takes_nothing_costs_no_login() {
    let full = Shared { full: true, ..Arc::into_inner(store("old", Timestamp::UNIX_EPOCH)).unwrap() };
    let (server, store) = (server(), Arc::new(full));
    let error = session(&server, &store).networks().list().all().await.unwrap_err();
    assert!(error.to_string().contains("no space left"), "{error}");
    assert!(server.requests().is_empty(), "the refresh token was used up");
}

#[tokio::test]
async fn a_login_that_ended_asks_for_another() {
    let server = Fake::new(|_, _| Reply::problem("unauthenticated", 401, "no"));
    let error = session(&server, &store("old", Timestamp::UNIX_EPOCH)).networks().list().all().await.unwrap_err();
    assert!(matches!(error, Error::Credential { login: true, .. }), "{error:?}");
    assert_eq!(server.requests().len(), 1);
}
