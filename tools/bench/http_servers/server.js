// The routes of tools/bench/http in Node: node server.js DIRECTORY. Prints its address.
"use strict";

const fs = require("fs");
const http = require("http");
const path = require("path");

const words = { en: "Hello", de: "Hallo", fr: "Bonjour" };

function send(response, contentType, body) {
    response.writeHead(200, {
        "Content-Type": contentType,
        "Content-Length": Buffer.byteLength(body),
    });
    response.end(body);
}

function greet(request, response, url) {
    const name = decodeURIComponent(url.pathname.slice("/greet/".length));
    const word = words[url.searchParams.get("lang") || "en"];
    const greeting = `${word}, ${name}, says ${request.headers["x-client"]}`;
    send(response, "application/json", JSON.stringify({ greeting }));
}

function sendFile(response, name) {
    const file = path.join(process.argv[2], path.basename(name));
    fs.stat(file, (error, status) => {
        if (error) {
            response.writeHead(404).end();
            return;
        }
        response.writeHead(200, {
            "Content-Type": "application/octet-stream",
            "Content-Length": status.size,
        });
        fs.createReadStream(file).pipe(response);
    });
}

function upload(request, response) {
    let size = 0;
    request.on("data", (bytes) => (size += bytes.length));
    request.on("end", () => send(response, "text/plain; charset=utf-8", String(size)));
}

const server = http.createServer((request, response) => {
    if (request.url === "/text") {
        send(response, "text/plain; charset=utf-8", "Hello, world!");
    } else if (request.url === "/json") {
        send(response, "application/json", JSON.stringify({ message: "Hello, world!" }));
    } else if (request.url.startsWith("/greet/")) {
        greet(request, response, new URL(request.url, "http://localhost"));
    } else if (request.url === "/upload") {
        upload(request, response);
    } else {
        sendFile(response, request.url);
    }
});

server.keepAliveTimeout = 300000;
server.listen(0, "127.0.0.1", () => console.log(`127.0.0.1:${server.address().port}`));
