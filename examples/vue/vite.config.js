import vue from "@vitejs/plugin-vue";

export default {
  plugins: [vue()],
  base: "./",
  build: { target: "es2022" }, // src/yours.js awaits at its top
};
