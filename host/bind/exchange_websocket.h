/* The WebSocket of an exchange that went over to it: what moves between the exchange's bodies and
 * the state machine of http/websocket.h. Pings are answered and the closing handshake is carried
 * through here, whatever the service does; messages wait until it takes them, and with enough of
 * them waiting nothing more is read. */
#ifndef PERIGEE_BIND_EXCHANGE_WEBSOCKET_H
#define PERIGEE_BIND_EXCHANGE_WEBSOCKET_H

#include "bind/exchange.h"
#include "http/websocket.h"

/* The exchange was upgraded, and has none yet. */
void exchange_websocket_open(ExchangeBox *box, const WebsocketOptions *options);

/* Takes what came and sends what is due. */
void exchange_websocket_move(ExchangeBox *box);

/* True when there is a message, or none will come. Otherwise EVENT_BODY will tell. */
bool exchange_websocket_is_ready(ExchangeBox *box);

/* True when the connection has nothing more to say. Otherwise EVENT_BODY will tell. */
bool exchange_websocket_is_over(ExchangeBox *box);

/* True when nothing waits to be sent before the next piece. Otherwise EVENT_ROOM will tell. */
bool exchange_websocket_has_room(ExchangeBox *box);

/* The box is closed: a peer that has not heard so is told 1011, and frees it. */
void exchange_websocket_close(ExchangeBox *box);

#endif
