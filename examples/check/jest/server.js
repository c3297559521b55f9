// A list of orders and their customers, fetched one by one where FAULTY is set.
const express = require('express');
const { query } = require('./database');

const customers = Array.from({ length: 20 }, (_, place) => `customer ${place + 1}`);
const app = express();

app.get('/api/orders/', async (_request, response) => {
  if (process.env.FAULTY) {
    const orders = await query('SELECT customer_id FROM orders ORDER BY id', customers);
    const names = [];
    for (const place of orders.keys()) {
      names.push(await query(`SELECT name FROM customers WHERE id = ${place + 1}`, customers[place]));
    }
    response.json(names);
  } else {
    const sql = 'SELECT customers.name FROM orders JOIN customers ON customers.id = orders.customer_id';
    response.json(await query(sql, customers));
  }
});

const server = app.listen(0, '127.0.0.1', () => process.send?.({ port: server.address().port }));
// Ended by the tests: nothing keeps it alive then, and the SDK sends what is left before it goes.
process.once('SIGTERM', () => {
  server.close();
  if (process.connected) process.disconnect();
});
