import { createApp } from "vue";
import App from "./App.vue";
import { createWardkey } from "./wardkey.js";
import { backend } from "./yours.js"; // httpBackend({ url, token })

const app = createApp(App);
app.use(await createWardkey({ appId: "transfers.example", backend, userId: "ada" }));
app.mount("#root");
