//! Pages and API where a token is wanted, asked as a browser and a script ask.

use serde_json::json;
use web::Setup;

use super::{Result, Server};

#[tokio::test]
async fn with_a_token_nothing_is_told_without_it() -> Result {
    let token = Some("a-long-secret".to_owned());
    let server = Server::start_with(Setup { token, ..Setup::default() }).await?;
    for path in ["/api/v1/findings", "/api/v1/openapi.json", "/metrics", "/api/v1/events"] {
        let refused = server.get(path).await?;
        assert_eq!((refused.status, &refused.json()["title"]), (401, &json!("no token")), "{path}");
    }
    let form = server.get("/endpoint?service=shop&last=1h").await?;
    assert_eq!(form.status, 401);
    assert!(form.body.contains("name=\"service\" value=\"shop\""), "{}", form.body);
    assert!(form.head.contains("content-security-policy: default-src 'none'"), "{}", form.head);
    assert_eq!(server.get("/token.css").await?.status, 200);
    let entered = server.get("/endpoint?service=shop&last=1h&token=a-long-secret").await?;
    assert_eq!(entered.status, 303);
    assert!(
        entered.head.contains("location: /endpoint?service=shop&last=1h\r\n"),
        "{}",
        entered.head
    );
    assert!(entered.head.contains("samesite=lax"), "{}", entered.head);
    let host = format!("Host: {}\r\n", server.address);
    for header in ["Cookie: taut-token=a-long-secret", "Authorization: Bearer a-long-secret"] {
        let answer = server.ask("/api/v1/findings", &format!("{host}{header}\r\n")).await?;
        assert_eq!(answer.status, 200, "{header}: {}", answer.body);
    }
    let foreign = server.ask("/api/v1/findings?token=no", &host).await?;
    assert_eq!(foreign.status, 401);
    server.stop().await
}
