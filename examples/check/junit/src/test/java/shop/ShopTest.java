package shop;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import org.junit.jupiter.api.Test;

/** The tests of any project: they know nothing of spans. */
class ShopTest {
  @Test
  void ordersNameTheirCustomers() throws Exception {
    try (var shop = new Shop()) {
      var address = URI.create("http://127.0.0.1:" + shop.port() + "/api/orders/");
      var request = HttpRequest.newBuilder(address).build();
      var answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
      assertEquals(200, answer.statusCode());
      assertEquals("customer 1", answer.body().lines().findFirst().orElseThrow());
    }
  }
}
