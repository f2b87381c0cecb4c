// The site works without this file; here the events page comes to life.
'use strict';

const list = document.getElementById('events');
const start = document.getElementById('start');

function listen() {
  list.replaceChildren();
  start.disabled = true;
  const source = new EventSource('/stream');
  const add = (text) => {
    const item = document.createElement('li');
    item.textContent = text;
    list.append(item);
  };
  const stop = (text) => {
    source.close(); // or the browser would ask again
    add(text);
    start.disabled = false;
  };
  source.addEventListener('tick', (event) => add(event.data));
  source.addEventListener('end', (event) => stop(event.data));
  source.addEventListener('error', () => stop('the connection was lost'));
}

if (list && start && 'EventSource' in window) {
  start.hidden = false;
  start.addEventListener('click', listen);
  listen();
}
