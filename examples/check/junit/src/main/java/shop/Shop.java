package shop;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;

/** A list of orders and their customers, fetched one by one where FAULTY is set. */
public final class Shop implements AutoCloseable {
  private final Connection database;
  private final HttpServer server;

  public Shop() throws SQLException, IOException {
    database = DriverManager.getConnection("jdbc:h2:mem:shop");
    try (var statement = database.createStatement()) {
      statement.execute("CREATE TABLE customers (id INT PRIMARY KEY, name VARCHAR)");
      statement.execute("CREATE TABLE orders (id INT PRIMARY KEY, customer_id INT)");
      statement.execute("INSERT INTO customers SELECT x, 'customer ' || x FROM SYSTEM_RANGE(1, 20)");
      statement.execute("INSERT INTO orders SELECT x, x FROM SYSTEM_RANGE(1, 20)");
    }
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/api/orders/", this::orders);
    server.start();
  }

  public int port() {
    return server.getAddress().getPort();
  }

  private void orders(HttpExchange exchange) throws IOException {
    try {
      var answer = String.join("\n", System.getenv("FAULTY") == null ? atOnce() : oneByOne());
      var bytes = answer.getBytes();
      exchange.sendResponseHeaders(200, bytes.length);
      exchange.getResponseBody().write(bytes);
    } catch (SQLException error) {
      exchange.sendResponseHeaders(500, -1);
    } finally {
      exchange.close();
    }
  }

  private List<String> atOnce() throws SQLException {
    var sql = "SELECT name FROM orders JOIN customers ON customers.id = customer_id ORDER BY orders.id";
    return names(sql, List.of());
  }

  private List<String> oneByOne() throws SQLException {
    var found = new ArrayList<String>();
    for (var customer : names("SELECT customer_id FROM orders ORDER BY id", List.of())) {
      found.addAll(names("SELECT name FROM customers WHERE id = ?", List.of(customer)));
    }
    return found;
  }

  private List<String> names(String sql, List<String> parameters) throws SQLException {
    try (var statement = database.prepareStatement(sql)) {
      for (int place = 0; place < parameters.size(); place++) {
        statement.setInt(place + 1, Integer.parseInt(parameters.get(place)));
      }
      var rows = statement.executeQuery();
      var found = new ArrayList<String>();
      while (rows.next()) {
        found.add(rows.getString(1));
      }
      return found;
    }
  }

  @Override
  public void close() throws SQLException {
    server.stop(0);
    database.close();
  }
}
