import { fileURLToPath } from "node:url";
import { EsbuildPlugin } from "esbuild-loader";
import HtmlWebpackPlugin from "html-webpack-plugin";
import MiniCssExtractPlugin from "mini-css-extract-plugin";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const target = "es2022";

/** The demo page: www/ becomes www/dist, with the package as it was built into pkg/. */
export default (_env, { mode = "production" } = {}) => ({
  mode,
  entry: at("www/src/main.tsx"),
  output: {
    path: at("www/dist"),
    filename: "[name].[contenthash:8].js",
    assetModuleFilename: "[name].[contenthash:8][ext]",
    clean: true,
  },
  resolve: {
    extensions: [".tsx", ".ts", ".js"],
    alias: { wardkey$: at("pkg/index.js"), wardkey: at("pkg") },
  },
  module: {
    rules: [
      { test: /\.tsx?$/, loader: "esbuild-loader", options: { target, jsx: "automatic", jsxImportSource: "preact" } },
      { test: /\.css$/, use: [MiniCssExtractPlugin.loader, "css-loader"] },
      { test: /\.(svg|woff2)$/, type: "asset/resource" },
    ],
    // a name that the package doesn't export is an error, not `undefined` at run time
    parser: { javascript: { exportsPresence: "error" } },
  },
  plugins: [
    new HtmlWebpackPlugin({ template: at("www/index.html"), favicon: at("www/src/icon.svg") }),
    new MiniCssExtractPlugin({ filename: "[name].[contenthash:8].css" }),
  ],
  optimization: { minimizer: [new EsbuildPlugin({ target, css: true })] },
  devtool: mode === "production" ? false : "source-map",
  // the package carries its WebAssembly inside
  performance: { maxAssetSize: 600_000, maxEntrypointSize: 600_000 },
  stats: "errors-warnings",
});
